"""Starts and stops the programs of one stack, and ends what a killed supervisor left behind."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from deploy.local import identity

_POLL_SECONDS = 0.02
_LEFTOVER_SECONDS = 15.0

_Entry = dict[str, Any]


class AlreadyRunningError(Exception):
    """Another supervisor holds this directory."""


class ProcessDiedError(Exception):
    """A program ended that should be running; the message carries the end of its log."""


class ClosedError(Exception):
    """The stack is being stopped, so nothing more is started or waited for."""


class CommandFailedError(Exception):
    """A command that prepares a stack failed; the message carries the end of its log."""


class NotReadyError(Exception):
    """A program did not answer before its deadline; the message carries the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How one program is run and asked to stop."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    stop_signal: signal.Signals = signal.SIGTERM
    # Others stand on it, so it is ended after them.
    foundation: bool = False
    # The user to become, when the supervisor is root and the program refuses to be.
    user: int | None = None


@dataclass(frozen=True, slots=True)
class _Child:
    program: Program
    handle: subprocess.Popen[bytes]
    mark: str | None

    def orphans(self) -> list[int]:
        """Those that it had started and that outlive it."""
        return identity.orphans(self.handle.pid, self.program.command)

    def kill(self) -> None:
        """End it and those that it had started, whether or not it has ended."""
        if self.handle.poll() is None:
            _kill_group(self.handle.pid)
        else:
            _signal(self.orphans(), signal.SIGKILL)


@contextmanager
def supervising(directory: Path) -> Iterator[None]:
    """Hold a directory for this process alone; AlreadyRunningError names the one that has it."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            message = f"Inkling is running here already, as process {lock.read().strip() or '?'}"
            raise AlreadyRunningError(message) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def end_leftovers(directory: Path) -> list[str]:
    """End the recorded programs that still run, each known by more than its number; their names."""
    record = directory / "processes.json"
    alive = [entry for entry in _read_record(record) if _is_left(entry)]
    for foundation in (False, True):
        _end([entry for entry in alive if bool(entry["foundation"]) is foundation])
    record.unlink(missing_ok=True)
    return [str(entry["name"]) for entry in alive]


def _end(entries: Sequence[_Entry]) -> None:
    for entry in entries:
        _signal([entry["pid"]] if _is_same(entry) else _orphans(entry), entry["stop_signal"])
    deadline = time.monotonic() + _LEFTOVER_SECONDS
    while any(map(_is_left, entries)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    for entry in filter(_is_same, entries):
        _kill_group(entry["pid"])
    for entry in entries:
        _signal(_orphans(entry), signal.SIGKILL)


def _read_record(record: Path) -> list[_Entry]:
    try:
        entries: list[_Entry] = json.loads(record.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return []
    return entries


def _is_same(entry: _Entry) -> bool:
    return bool(identity.mark(entry["pid"]) == entry["mark"])


def _orphans(entry: _Entry) -> list[int]:
    return identity.orphans(entry["pid"], entry.get("command", ()))


def _is_left(entry: _Entry) -> bool:
    return _is_same(entry) or bool(_orphans(entry))


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        # It may have ended by itself a moment ago.
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _kill_group(pid: int) -> None:
    # Each program leads a session of its own, so its children are its group.
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


class Processes:
    """The running programs of one stack, by name; each in a session of its own, with a log file.

    The logs of the stack before it in the directory are kept beside, older ones are not.
    """

    def __init__(self, directory: Path) -> None:
        self._record = directory / "processes.json"
        self._logs = directory / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        for log in self._logs.glob("*.log"):
            log.replace(log.with_suffix(".log.1"))
        self._children: dict[str, _Child] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def start(self, program: Program) -> None:
        """Start a program and record it; its output is appended to its log."""
        with self._lock, self.log(program.name).open("ab") as log:
            self.check_open()
            handle = self._popen(program, log)
            self._children[program.name] = _Child(program, handle, identity.mark(handle.pid))
            self._write_record()

    def run(self, program: Program, seconds: float) -> None:
        """Run a program to its end; CommandFailedError when that is not a good one, or not in time."""
        self.check_open()
        with self.log(program.name).open("ab") as log, self._popen(program, log) as handle:
            try:
                status = handle.wait(seconds)
            except subprocess.TimeoutExpired:
                _kill_group(handle.pid)
                status = handle.wait()
        if status != 0:
            message = f"{program.name} failed with status {status}:\n{self.tail(program.name)}"
            raise CommandFailedError(message)

    def close(self) -> None:
        """Start nothing more; whoever waits for a program to be ready gets ClosedError."""
        with self._lock:
            self._closed.set()

    def check_open(self) -> None:
        """Raise ClosedError once `close` was called."""
        if self._closed.is_set():
            raise ClosedError

    def stop(self, names: Iterable[str], seconds: float) -> None:
        """Ask programs to end, all at once; those that have not within the time are killed."""
        children = [self._children[name] for name in names if name in self._children]
        for child in children:
            if child.handle.poll() is None:
                child.handle.send_signal(child.program.stop_signal)
        deadline = time.monotonic() + seconds
        for child in children:
            try:
                child.handle.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill_group(child.handle.pid)
                child.handle.wait()
            # Workers of one that was killed end by themselves, as it would have had them end.
            while child.orphans() and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
            child.kill()
        self._forget(children)

    def kill(self, name: str) -> None:
        """End a program as `kill -9` does, with every child of it."""
        child = self._children[name]
        child.kill()
        child.handle.wait()
        self._forget([child])

    def kill_all(self) -> None:
        """End everything at once; for somebody who will not wait."""
        for child in list(self._children.values()):
            child.kill()

    def names(self) -> tuple[str, ...]:
        """The programs started and not stopped, dead ones included."""
        return tuple(self._children)

    def pid(self, name: str) -> int:
        """The process number of a started program."""
        return self._children[name].handle.pid

    def is_running(self, name: str) -> bool:
        """Whether a program was started and has not ended."""
        child = self._children.get(name)
        return child is not None and child.handle.poll() is None

    def dead(self) -> list[str]:
        """The programs that ended without being asked to."""
        return [name for name in self.names() if not self.is_running(name)]

    def log(self, name: str) -> Path:
        """Where a program's output goes."""
        return self._logs / f"{name}.log"

    def tail(self, name: str, lines: int = 20) -> str:
        """The last lines that a program said."""
        log = self.log(name)
        text = log.read_text(errors="replace") if log.exists() else ""
        return "\n".join(text.splitlines()[-lines:]) or "(it said nothing)"

    def died(self, name: str) -> ProcessDiedError:
        """The error for a program that ended, with its last words."""
        status = self._children[name].handle.poll()
        return ProcessDiedError(f"{name} ended with status {status}; it said:\n{self.tail(name)}")

    @staticmethod
    def _popen(program: Program, log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(program.environment),
            cwd=program.folder,
            start_new_session=True,
            user=program.user,
            group=program.user,
            extra_groups=None if program.user is None else [],
        )

    def _forget(self, children: Iterable[_Child]) -> None:
        with self._lock:
            for child in children:
                self._children.pop(child.program.name, None)
            self._write_record()

    def _write_record(self) -> None:
        entries = [
            {
                "name": name,
                "pid": child.handle.pid,
                "mark": child.mark,
                "command": [str(part) for part in child.program.command],
                "stop_signal": int(child.program.stop_signal),
                "foundation": child.program.foundation,
            }
            for name, child in self._children.items()
        ]
        fresh = self._record.with_suffix(".new")
        fresh.write_text(json.dumps(entries, indent=1))
        fresh.replace(self._record)
