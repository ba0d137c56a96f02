"""A disk in memory that loses power: names live only if their folder was synced, and bytes only if their file was.

Of what was not synced a random part lives: of names each, of content any sectors, of a file's length anything between.
It fails when it is told to, and is strict: a file that failed must not be written or synced again.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from services.tracker.spool.disk import File, Lock

SECTOR: Final = 512


class PowerLoss(Exception):
    """The machine is gone; whoever catches this is gone as well."""


class RuleBroken(AssertionError):
    """What must never be done was done."""


@dataclass(eq=False, slots=True)
class _Node:
    content: bytes = b""
    durable: bytes = b""
    # Of a synced file that failed: the kernel forgets what it could not write.
    dead: bool = False


@dataclass(eq=False, slots=True)
class _Names:
    """One change of names: what is there no more, and what is instead; lives whole or not at all."""

    gone: Path | None
    there: Path | None
    node: _Node | None

    @property
    def paths(self) -> list[Path]:
        """The names that it changes."""
        return [path for path in (self.gone, self.there) if path is not None]


@dataclass(eq=False, slots=True)
class ModelDisk:
    """Keeps what `Disk` promises, with faults.

    `calls` counts the calls that change something; `lose_power_at` and `errors` go by that count.
    """

    seed: int = 0
    lose_power_at: int | None = None
    errors: dict[int, int] = field(default_factory=dict)
    calls: int = 0
    room: int | None = None
    """How many bytes fit; None for any number."""
    trace: list[str] = field(default_factory=list)
    _random: random.Random = field(init=False)
    _files: dict[Path, _Node] = field(default_factory=dict)
    _durable: dict[Path, _Node] = field(default_factory=dict)
    _folders: set[Path] = field(default_factory=lambda: {Path("/")})
    _durable_folders: set[Path] = field(default_factory=lambda: {Path("/")})
    _pending: list[_Names] = field(default_factory=list)
    _locks: set[Path] = field(default_factory=set)
    _generation: int = 0
    _down: bool = False

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 no secret

    def create(self, path: Path) -> File:
        self._change("create", path)
        self._folder_of(path)
        if path in self._files:
            raise FileExistsError(17, "exists")
        node = self._files[path] = _Node()
        self._pending.append(_Names(None, path, node))
        return _ModelFile(self, node, path)

    def read(self, path: Path, start: int = 0, end: int | None = None) -> bytes:
        self._alive()
        return self._node(path).content[start:end]

    def size(self, path: Path) -> int:
        self._alive()
        return len(self._node(path).content)

    def allocate(self, path: Path, size: int) -> None:
        self._change("allocate", path)
        self._folder_of(path)
        if path in self._files:
            raise FileExistsError(17, "exists")
        self._take_room(size)
        node = self._files[path] = _Node(bytes(size), bytes(size))
        self._pending.append(_Names(None, path, node))

    def rename(self, old: Path, new: Path) -> None:
        self._change("rename", old)
        self._folder_of(new)
        node = self._node(old)
        del self._files[old]
        self._files[new] = node
        self._pending.append(_Names(old, new, node))

    def unlink(self, path: Path) -> None:
        self._change("unlink", path)
        self._node(path)
        del self._files[path]
        self._pending.append(_Names(path, None, None))

    def names(self, folder: Path) -> list[str]:
        self._alive()
        if folder not in self._folders:
            raise FileNotFoundError(2, "no such folder")
        return [
            path.name for path in (*self._files, *self._folders) if path.parent == folder != path
        ]

    def make_folder(self, folder: Path) -> None:
        self._change("make_folder", folder)
        for each in (folder, *folder.parents):
            if each in self._files:
                raise NotADirectoryError(20, "a file")
        self._folders.update((folder, *folder.parents))

    def sync_folder(self, folder: Path) -> None:
        self._change("sync_folder", folder)
        if folder not in self._folders:
            raise FileNotFoundError(2, "no such folder")
        self._durable_folders.update(each for each in self._folders if each.parent == folder)
        self._settle(lambda names: any(path.parent == folder for path in names.paths))

    def lock(self, path: Path) -> Lock | None:
        self._alive()
        self._folder_of(path)
        if path in self._locks:
            return None
        if path not in self._files:
            self.create(path).close()
        self._locks.add(path)
        return _ModelLock(self, path, self._generation)

    def crash(self) -> None:
        """Lose power and come back with what lived: some names, some sectors."""
        self._settle(lambda names: self._random.random() < 0.5)
        living = {path for path in self._durable if self._lives(path.parent)}
        self._durable = {path: node for path, node in self._durable.items() if path in living}
        for node in {id(node): node for node in self._durable.values()}.values():
            node.content = node.durable = self._survived(node)
            node.dead = False
        self._files = dict(self._durable)
        self._folders = {each for each in self._durable_folders if self._lives(each)}
        self._durable_folders = set(self._folders)
        self._pending, self._locks = [], set()
        self._generation += 1
        self.lose_power_at, self._down = None, False
        self.errors = {}

    def write_now(self, path: Path, content: bytes) -> None:
        """Put a durable file there, as if it had always been."""
        self._folders.update(path.parents)
        self._durable_folders.update(path.parents)
        self._files[path] = self._durable[path] = _Node(content, content)

    def files(self) -> dict[Path, bytes]:
        """Return what is there now."""
        return {path: node.content for path, node in self._files.items()}

    def _settle(self, lives: Callable[[_Names], bool]) -> None:
        """Let changes of names live, and with each those before it that it builds on."""
        built_on: set[Path] = set()
        living: list[_Names] = []
        for names in reversed(self._pending):
            if lives(names) or not built_on.isdisjoint(names.paths):
                built_on.update(names.paths)
                living.append(names)
        for names in reversed(living):
            _apply(self._durable, names)
            self._pending.remove(names)

    def _survived(self, node: _Node) -> bytes:
        """Mix sectors of what was synced with sectors of what was not."""
        old, new = node.durable, node.content
        if old == new:
            return old
        length = self._random.randint(*sorted((len(old), len(new))))
        mixed = bytearray()
        for start in range(0, length, SECTOR):
            kept = new if self._random.random() < 0.5 else old
            mixed += kept[start : start + SECTOR].ljust(SECTOR, b"\0")
        return bytes(mixed[:length])

    def _lives(self, folder: Path) -> bool:
        return all(each in self._durable_folders for each in (folder, *folder.parents))

    def _node(self, path: Path) -> _Node:
        node = self._files.get(path)
        if node is None:
            raise FileNotFoundError(2, "no such file")
        return node

    def _folder_of(self, path: Path) -> None:
        if path.parent in self._files:
            raise NotADirectoryError(20, "a file")
        if path.parent not in self._folders:
            raise FileNotFoundError(2, "no such folder")

    def _alive(self) -> None:
        if self._down:
            raise PowerLoss

    def _change(self, what: str, path: Path) -> None:
        """Count a call that changes something, and fail it if that is its fate."""
        self._alive()
        self.trace.append(f"{self.calls} {what} {path.name}")
        self.calls += 1
        if self.lose_power_at is not None and self.calls > self.lose_power_at:
            self._down = True
            raise PowerLoss
        error = self.errors.get(self.calls - 1)
        if error is not None:
            raise OSError(error, "told to fail")

    def _take_room(self, size: int) -> None:
        if self.room is not None and size > self.room - self.used():
            raise OSError(28, "no room")

    def used(self) -> int:
        """Return how many bytes all files take."""
        return sum(len(node.content) for node in self._files.values())


class _ModelFile:
    def __init__(self, disk: ModelDisk, node: _Node, path: Path) -> None:
        self._disk = disk
        self._node = node
        self._path = path
        self._generation = disk._generation

    def append(self, data: bytes) -> None:
        self._usable("append")
        try:
            self._disk._change("append", self._path)
            self._disk._take_room(len(data))
        except PowerLoss:
            self._node.content += data
            raise
        except OSError:
            # a part of it may have been written
            self._node.content += data[: self._disk._random.randint(0, len(data))]
            self._node.dead = True
            raise
        self._node.content += data

    def sync_data(self) -> None:
        self.sync()

    def sync(self) -> None:
        self._usable("sync")
        try:
            self._disk._change("sync", self._path)
        except OSError:
            # Some of it may be on the disk; the rest never will be, whatever the next sync says.
            self._node.durable = self._disk._survived(self._node)
            self._node.dead = True
            raise
        self._node.durable = self._node.content

    def close(self) -> None:
        pass

    def _usable(self, what: str) -> None:
        self._disk._alive()
        if self._generation != self._disk._generation:
            raise RuleBroken("a file of before the crash")
        if self._node.dead:
            raise RuleBroken(f"{what} of a file that failed")


class _ModelLock:
    def __init__(self, disk: ModelDisk, path: Path, generation: int) -> None:
        self._disk = disk
        self._path = path
        self._generation = generation

    def release(self) -> None:
        if self._generation == self._disk._generation:
            self._disk._locks.discard(self._path)


def _apply(files: dict[Path, _Node], names: _Names) -> None:
    if names.gone is not None:
        files.pop(names.gone, None)
    if names.there is not None and names.node is not None:
        files[names.there] = names.node
