"""Where a halted lane goes on, and what is passed over by it: the decision alone, or why it makes no sense. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from services.runtime.halts import ANOTHER_LOG, Extent, Halt, HaltReason, compare, judge


class Refused(Exception):
    """What was asked for makes no sense; `argument` is the one to blame."""

    def __init__(self, argument: str, why: str) -> None:
        super().__init__(f"{argument}: {why}")
        self.argument = argument


class Way(StrEnum):
    """How an operator says where to go on."""

    AS_IT_IS = "LANE"
    AT = "--at"
    FROM_START = "--from-start"
    SKIP_TO = "--skip-to"


class Wish(NamedTuple):
    """What was asked for; no offset, with `SKIP_TO`, is the end of the log."""

    way: Way
    offset: int | None = None


class Stand(NamedTuple):
    """What the checkpoint says; no offset means that the lane was never begun."""

    next_offset: int | None
    halted: str | None
    topic_id: str | None
    anchor: bytes | None = None
    """What the last record before is known by."""


class Places(NamedTuple):
    """What was found in a log: by the offset looked at, the first record from there on, its offset and its digest."""

    found: Mapping[int, tuple[int, bytes]]

    def digest(self, offset: int) -> bytes | None:
        """Return what the record at an offset is known by; None where there is none, or it cannot be read."""
        at, known_by = self.found.get(offset, (-1, b""))
        return known_by if at == offset else None


class Step(NamedTuple):
    """Where to go on (None: where it stands, with all that is checked then), and what is never folded: from, to."""

    next_offset: int | None
    gap: tuple[int, int] | None = None


_MAYBE_ANOTHER: Final = ANOTHER_LOG - {HaltReason.LOG_TRUNCATED}


def around(stand: Stand, log: Extent, wish: Wish) -> list[int]:
    """Return the offsets of the records to look at before a lane is told where to go on."""
    stands = [] if stand.next_offset is None else [stand.next_offset]
    return [offset - 1 for offset in (*stands, _target(log, wish))]


def another(stand: Stand, log: Extent | None, places: Places | None) -> Halt | None:
    """Say why the log is not the one that was folded, where a lane is halted for something else; None when it is.

    A log that was cut off while its lane stood still, and has grown past the checkpoint since, shows nothing else.
    What lies before the checkpoint would never be folded if it were skipped from there.
    """
    if stand.next_offset is None or stand.halted is None or stand.halted in ANOTHER_LOG:
        return None
    if log is not None and (halt := judge(stand.next_offset, stand.topic_id, log)) is not None:
        return halt if halt.reason in ANOTHER_LOG else None
    if stand.anchor is None or places is None:
        return None
    before = places.found.get(stand.next_offset - 1)
    return None if before is None else compare(stand.next_offset, stand.anchor, *before)


def step(stand: Stand, log: Extent | None, wish: Wish) -> Step:
    """Say what to do; Refused where it makes no sense."""
    if stand.halted is None:
        raise Refused(Way.AS_IT_IS, "it is not halted; `lanes halt` stops it")
    if wish.way is Way.AS_IT_IS:
        return Step(None)
    if log is None:
        raise Refused(Way.AS_IT_IS, "Kafka has no such partition")
    target = _target(log, wish)
    stands = log.begin if stand.next_offset is None else stand.next_offset
    if not log.begin <= target <= log.end:
        raise Refused(
            wish.way, f"{target} is not in the log, which has {log.begin} up to {log.end}"
        )
    foreign = _is_foreign(stand, log)
    if wish.way is Way.SKIP_TO and target <= stands and not foreign:
        raise Refused(
            wish.way, f"{target} does not lie after the checkpoint, {stands}: nothing to skip"
        )
    if target < stands and stand.halted not in ANOTHER_LOG:
        why = (
            f"{target} lies before the checkpoint, {stands}: what was folded would be folded again"
        )
        raise Refused(wish.way, why)
    # Of another log nothing was folded; of the same one all that lies before the checkpoint was.
    passed = log.begin if foreign else stands
    return Step(target, (passed, target) if passed < target else None)


def _target(log: Extent, wish: Wish) -> int:
    if wish.way is Way.FROM_START:
        return log.begin
    return log.end if wish.offset is None else wish.offset


def _is_foreign(stand: Stand, log: Extent) -> bool:
    if stand.topic_id is not None and log.topic_id is not None:
        return stand.topic_id != log.topic_id
    return stand.halted in _MAYBE_ANOTHER
