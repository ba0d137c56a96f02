"""`make run`: start everything, show it at work, and keep it running until somebody says stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from deploy.local import environment
from deploy.local.description import describe, where_to_look_next
from deploy.local.java import NoJavaError
from deploy.local.ports import DEFAULT_BASE, Ports, parse_base, taken
from deploy.local.postgres import NoPostgresError, StatementFailedError
from deploy.local.processes import (
    AlreadyRunningError,
    CommandFailedError,
    NotReadyError,
    ProcessDiedError,
    end_leftovers,
    supervising,
)
from deploy.local.stack import Stack
from deploy.local.unprivileged import CHECKOUT, UnsafePlaceError

DIRECTORY = CHECKOUT / ".run"
_DEMONSTRATION_SECONDS = 120.0
_WATCH_SECONDS = 0.2
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SignalHandler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
_EXPECTED = (
    AlreadyRunningError,
    CommandFailedError,
    NoJavaError,
    NoPostgresError,
    NotReadyError,
    ProcessDiedError,
    StatementFailedError,
    UnsafePlaceError,
)


def main() -> int:
    """Run a stack in `.run/`; the exit status."""
    try:
        ports = parse_base(os.environ.get(environment.PORT_BASE, str(DEFAULT_BASE)))
        with supervising(DIRECTORY):
            return supervise(DIRECTORY, ports)
    except (ValueError, *_EXPECTED) as error:
        _say(str(error))
        return 1


def supervise(directory: Path, ports: Ports, *, demonstrate: bool = True) -> int:
    """Run a stack in a directory that is ours alone until it is told to stop or breaks."""
    began = time.monotonic()
    description = directory / "stack.json"
    description.unlink(missing_ok=True)
    for name in end_leftovers(directory):
        _say(f"ended {name}, left behind by an earlier run")
    wishes = environment.own_wishes()
    obstacles = taken(ports, environment.workers(wishes))
    if obstacles:
        elsewhere = 17_400 if ports.base != 17_400 else 27_400
        advice = f"{environment.PORT_BASE}={elsewhere} make run moves them all"
        _say("\n".join([*obstacles, advice]))
        return 1
    stack = Stack(directory, ports, settings=wishes, report=_say_step)
    with _stopped_at_the_end(stack, description):
        stack.start()
        described = describe(stack)
        _write(description, json.dumps(described, indent=1))
        _say(f"everything answers after {time.monotonic() - began:.1f} s\n")
        if demonstrate:
            _demonstrate(stack)
        _say(where_to_look_next(described))
        return _watch(stack, description, described)
    return 0


def _demonstrate(stack: Stack) -> None:
    # Here, because nothing else of the stack needs what the demonstration is made of.
    from deploy.local import demo

    error = asyncio.run(_outcome(demo.play(stack)))
    if error is not None:
        _say(f"the demonstration failed, the stack runs on: {type(error).__name__}: {error}")


async def _outcome(playing: Coroutine[Any, Any, None]) -> BaseException | None:
    """How a demonstration ended, whatever that was: None for well."""
    task = asyncio.ensure_future(playing)
    done, _ = await asyncio.wait({task}, timeout=_DEMONSTRATION_SECONDS)
    return task.exception() if done else TimeoutError(f"not done in {_DEMONSTRATION_SECONDS:.0f} s")


def _watch(stack: Stack, description: Path, described: dict[str, Any]) -> int:
    """Sleep until a signal comes (KeyboardInterrupt) or a program dies (1); workers may come and go."""
    while not (dead := stack.processes.dead()):
        time.sleep(_WATCH_SECONDS)
        pids = stack.pids()
        if pids != described["pids"]:
            described["pids"] = pids
            _write(description, json.dumps(described, indent=1))
    for name in dead:
        _say(str(stack.processes.died(name)))
    return 1


@contextmanager
def _stopped_at_the_end(stack: Stack, description: Path) -> Iterator[None]:
    """Leave no process and no description behind, whether told to stop or failed; a second signal kills."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def kill(_number: int, _frame: FrameType | None) -> None:
        stack.processes.kill_all()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _on_signals(dict.fromkeys(_SIGNALS, kill))
        raise KeyboardInterrupt

    _on_signals(dict.fromkeys(_SIGNALS, interrupt))
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        _on_signals(dict.fromkeys(_SIGNALS, kill))
        description.unlink(missing_ok=True)
        _say("\nstopping (Ctrl-C again kills) …")
        stack.stop()
        _on_signals(before)


def _on_signals(handlers: Mapping[signal.Signals, _SignalHandler]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _write(description: Path, text: str) -> None:
    fresh = description.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(description)


def _say_step(text: str) -> None:
    _say(f"  {text}")


def _say(text: str) -> None:
    # A terminal that is gone must not keep the rest from being stopped.
    with suppress(OSError):
        print(text, flush=True)
