"""Why a lane stands still until an operator decides: what the checkpoint says against what the log has. Pure.

A lane is never reset by itself, whatever is found; each reason has a word of its own and a sentence with both sides.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class HaltReason(StrEnum):
    """The closed list; `docs/lanes.md` says what to do about each."""

    LOG_TRUNCATED = "log_truncated"
    LOG_ENDED_BEFORE = "log_ended_before"
    LOG_STARTS_AFTER = "log_starts_after"
    LOG_IS_ANOTHER = "log_is_another"
    TOPIC_IS_ANOTHER = "topic_is_another"
    CORRUPT_RECORD = "corrupt_record"
    POISON_FLOOD = "poison_flood"
    OPERATOR = "operator"


ANOTHER_LOG: Final = frozenset(
    {
        HaltReason.LOG_TRUNCATED,
        HaltReason.LOG_ENDED_BEFORE,
        HaltReason.LOG_IS_ANOTHER,
        HaltReason.TOPIC_IS_ANOTHER,
    }
)
"""Reasons for which what lies before the checkpoint may not be what was folded."""


class Halt(NamedTuple):
    """A reason, and what was found and expected, for a person."""

    reason: HaltReason
    detail: str


class Extent(NamedTuple):
    """What a log has: its first offset, the one after its last, and Kafka's id of its topic (None: not told)."""

    begin: int
    end: int
    topic_id: str | None


def judge(next_offset: int, topic_id: str | None, log: Extent) -> Halt | None:
    """Say why a lane cannot go on from its checkpoint; None when the log is, as far as this shows, the one it was."""
    stands = f"the checkpoint is at {next_offset}, the log has {log.begin} up to {log.end}"
    if topic_id is not None and log.topic_id is not None and topic_id != log.topic_id:
        ids = f"the topic was {topic_id} and is {log.topic_id}"
        return Halt(HaltReason.TOPIC_IS_ANOTHER, f"{ids}; {stands}")
    if log.end < next_offset:
        # Only where Kafka tells ids is it known that this is the same topic, with its end cut off.
        same = topic_id is not None and log.topic_id is not None
        reason = HaltReason.LOG_TRUNCATED if same else HaltReason.LOG_ENDED_BEFORE
        return Halt(reason, stands)
    if log.begin > next_offset:
        return Halt(HaltReason.LOG_STARTS_AFTER, stands)
    return None


def compare(next_offset: int, anchor: bytes, offset: int, digest: bytes) -> Halt | None:
    """Say why the first record read after a claim is not the one before the checkpoint; None when it is."""
    if offset != next_offset - 1:
        detail = f"the record at {next_offset - 1} is not there any more; the first one read is at {offset}"
        return Halt(HaltReason.LOG_IS_ANOTHER, detail)
    if digest != anchor:
        detail = f"the record at {offset} has the digest {digest.hex()}; what was folded had {anchor.hex()}"
        return Halt(HaltReason.LOG_IS_ANOTHER, detail)
    return None
