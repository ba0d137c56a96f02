"""The ledger of single hits: a file outside the system, synced, in which each hit has a number of its own.

Its number stands in the hit's `User-Agent`, so that it is found again in the event, whatever the event's id is.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from tests.support.doors import PERSON

_MARK = re.compile(rf"{re.escape(PERSON)} hit/([0-9a-f]+)-(\d+)")


class Outcome(StrEnum):
    """What a client was told."""

    ACKNOWLEDGED = "acknowledged"
    """An answer that says that the hit is recorded."""
    REFUSED = "refused"
    """An answer that says that it is not."""
    UNKNOWN = "unknown"
    """No answer: the connection was refused, reset or closed, or time ran out."""


class Hit(NamedTuple):
    """One request for a pixel (no link) or a link of a message."""

    number: int
    tenant: str
    message_id: str
    link: int | None
    path: str


class Copy(NamedTuple):
    """What was found of a hit in the log."""

    event_id: str
    tenant: str
    message_id: str
    link: int | None


@dataclass(slots=True)
class Verdict:
    """What the ledger says of what was found."""

    issued: int = 0
    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0
    recovered: int = 0
    """Acknowledged, and found."""
    lost: list[int] = field(default_factory=list)
    """Acknowledged, and not found."""
    doubled: list[int] = field(default_factory=list)
    """Found as more than one event; two copies of one event are one."""
    invented: list[int] = field(default_factory=list)
    """Found and never issued, or as something else than was issued."""
    repeated: int = 0
    """Copies beyond the first of events, which readers tell by their ids."""


class Accounts:
    """Notes each hit before it leaves and what its client was told."""

    def __init__(self, path: Path, run: str) -> None:
        self.path = path
        self.run = run
        self._file = path.open("x", encoding="ascii")

    def mark(self, number: int) -> str:
        """Return the `User-Agent` of a hit."""
        return f"{PERSON} hit/{self.run}-{number}"

    def issue(self, hit: Hit) -> None:
        """Note a hit that is about to leave."""
        part = "-" if hit.link is None else hit.link
        self._file.write(f"issued {hit.number} {hit.tenant} {hit.message_id} {part}\n")

    def conclude(self, hit: Hit, outcome: Outcome) -> None:
        """Note what a client was told."""
        self._file.write(f"{outcome} {hit.number}\n")

    def sync(self) -> None:
        """Have all that is noted on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Sync and let go of the file."""
        if not self._file.closed:
            self.sync()
            self._file.close()

    def number_in(self, user_agent: str) -> int | None:
        """Return which of our hits this is, None when it is not one of ours."""
        found = _MARK.fullmatch(user_agent)
        return int(found[2]) if found and found[1] == self.run else None


def acknowledged(path: Path) -> set[int]:
    """Read which hits somebody was told to be safe."""
    told = (line.split() for line in path.read_text("ascii").splitlines())
    return {int(words[1]) for words in told if words[0] == Outcome.ACKNOWLEDGED}


def judge(path: Path, found: Mapping[int, Iterable[Copy]]) -> Verdict:
    """Hold what was found against the ledger's file."""
    verdict = Verdict()
    issued: dict[int, tuple[str, str, int | None]] = {}
    outcomes: dict[int, Outcome] = {}
    for line in path.read_text("ascii").splitlines():
        what, which, *rest = line.split()
        if what == "issued":
            tenant, message_id, part = rest
            issued[int(which)] = (tenant, message_id, None if part == "-" else int(part))
        else:
            outcomes[int(which)] = Outcome(what)
    told = list(outcomes.values())
    verdict.issued = len(issued)
    verdict.acknowledged = told.count(Outcome.ACKNOWLEDGED)
    verdict.refused = told.count(Outcome.REFUSED)
    verdict.unknown = len(issued) - verdict.acknowledged - verdict.refused
    for number, outcome in outcomes.items():
        if outcome is Outcome.ACKNOWLEDGED:
            if number in found:
                verdict.recovered += 1
            else:
                verdict.lost.append(number)
    for number, copies in found.items():
        each = list(copies)
        ids = {copy.event_id for copy in each}
        verdict.repeated += len(each) - len(ids)
        if len(ids) > 1:
            verdict.doubled.append(number)
        if any((copy.tenant, copy.message_id, copy.link) != issued.get(number) for copy in each):
            verdict.invented.append(number)
    return verdict
