"""`python -m services.tracker spool list|verify|dump FOLDER_OR_FILE…`: what an operator asks of the files.

Only reads, and takes no lock: fit for a spool in use. Exits with 0, with 1 when something is damaged or cannot be read,
with 2 when it was not understood.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TextIO

from services.runtime.clock import format_instant
from services.runtime.errors import Poison
from services.tracker.spool import form
from services.tracker.spool.ballast import word
from services.tracker.spool.records import unpack
from services.tracker.spool.scan import Range, Scanned, scan

USAGE: Final = "usage: python -m services.tracker spool list|verify|dump FOLDER_OR_FILE...\n"
_COLUMNS: Final = "{:<42} {:<8} {:>8} {:>9} {:>10} {:>9}  {:<24} {}"
_TITLES: Final = (
    "segment",
    "state",
    "records",
    "unjudged",
    "bytes",
    "bad bytes",
    "oldest",
    "newest",
)


class Segment(NamedTuple):
    """One file, as it was when it was looked at."""

    name: str
    data: bytes
    scanned: Scanned
    growing: bool
    """Whether a process may be writing it: then what stands at its end may just not be whole yet."""

    @property
    def bad(self) -> tuple[Range, ...]:
        """What is damaged."""
        return self.scanned.damaged if self.growing else self.scanned.bad

    @property
    def state(self) -> str:
        """What is to be said of it in a word."""
        if self.bad or not (self.growing or self.scanned.whole):
            return "damaged"
        return "open" if self.scanned.footer is None else "sealed"


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for on standard output, and return with what to exit."""
    verbs = {"list": list_all, "verify": verify, "dump": dump}
    match arguments:
        case [verb, first, *more] if verb in verbs:
            paths = [Path(each) for each in (first, *more)]
        case _:
            sys.stderr.write(USAGE)
            return 2
    try:
        sound = verbs[verb](paths, sys.stdout.buffer, sys.stderr)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0 if sound else 1


def list_all(paths: Sequence[Path], out: BinaryIO, err: TextIO) -> bool:
    """Write a line about each segment."""
    out.write(_line(*_TITLES))
    count = records = size = 0
    looking = _Looking(err)
    for each in looking.at(paths):
        scanned = each.scanned
        unjudged = sum(b.records for b in scanned.blocks if b.flags & form.UNFILTERED)
        bad = sum(part.size for part in each.bad)
        times = [block.wall_ms for block in scanned.blocks]
        shown = (
            [format_instant(ms * 1000)[:23] + "Z" for ms in (min(times), max(times))]
            if times
            else "--"
        )
        sizes = (scanned.records, unjudged, scanned.size, bad)
        out.write(_line(each.name, each.state, *map(str, sizes), *shown))
        count, records, size = count + 1, records + scanned.records, size + scanned.size
    out.write(f"{count} segments, {records} records, {size} bytes\n".encode())
    return looking.sound


def verify(paths: Sequence[Path], out: BinaryIO, err: TextIO) -> bool:
    """Check every byte and every record, and write what is wrong with each segment."""
    looking = _Looking(err)
    sound = True
    for each in looking.at(paths):
        wrong = list(_wrong(each))
        sound = sound and not wrong
        said = "; ".join(wrong) or ("good so far" if each.state == "open" else "good")
        out.write(f"{each.name}: {said}, {each.scanned.records} records\n".encode())
    return sound and looking.sound


def dump(paths: Sequence[Path], out: BinaryIO, err: TextIO) -> bool:
    """Write every intact record as one line of CloudEvents JSON; what is damaged is told apart from them."""
    looking = _Looking(err)
    sound = True
    for each in looking.at(paths):
        for block in each.scanned.blocks:
            try:
                packed = form.records_of(each.data, block)
            except Poison:  # which `_wrong` tells
                continue
            out.writelines(record + b"\n" for record in packed)
        for wrong in _wrong(each):
            sound = False
            err.write(f"{each.name}: {wrong}\n")
    return sound and looking.sound


class _Looking:
    """Goes through folders and files; what goes away meanwhile was replayed, which is no fault."""

    def __init__(self, err: TextIO) -> None:
        self.sound = True
        self._err = err

    def at(self, paths: Sequence[Path]) -> Iterator[Segment]:
        for path in paths:
            if not path.is_dir():
                yield from self._read(path, str(path), asked=True)
                continue
            found = (each for each in path.rglob("*") if form.parse_name(each.name))
            for each in sorted(found, key=lambda each: (each.parent, each.name)):
                yield from self._read(each, str(each.relative_to(path)), asked=False)

    def _read(self, path: Path, name: str, *, asked: bool) -> Iterator[Segment]:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            sealed = path.with_suffix(form.SEALED_SUFFIX)
            if path.suffix == form.OPEN_SUFFIX and sealed.exists():
                yield from self._read(
                    sealed, str(Path(name).with_suffix(form.SEALED_SUFFIX)), asked=asked
                )
            elif asked:
                self._fail(name, "there is no such file")
        except OSError as error:
            self._fail(name, f"cannot be read: {word(error)}")
        else:
            yield Segment(name, data, scan(data), path.suffix == form.OPEN_SUFFIX)

    def _fail(self, name: str, what: str) -> None:
        self.sound = False
        self._err.write(f"{name}: {what}\n")


def _wrong(segment: Segment) -> Iterator[str]:
    """Say what is wrong with a segment."""
    scanned = segment.scanned
    for bad in segment.bad:
        yield f"bytes {bad.start} to {bad.end} are damaged"
    if scanned.missing:
        yield f"{scanned.missing} records are missing"
    if not segment.growing and not segment.bad and not scanned.whole:
        yield "it is not as it was sealed"
    for block in scanned.blocks:
        try:
            for packed in form.records_of(segment.data, block):
                unpack(packed)
        except Poison as error:
            yield f"the block at byte {block.start} holds what is no event ({error.reason})"


def _line(*cells: str) -> bytes:
    return (_COLUMNS.format(*cells).rstrip() + "\n").encode()
