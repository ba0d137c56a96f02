"""What the checkpoint says against what the log has."""

import pytest

from services.runtime.halts import Extent, HaltReason, compare, judge


@pytest.mark.parametrize(
    ("known", "log", "reason"),
    [
        ("a", Extent(0, 100, "a"), None),
        ("a", Extent(50, 50, "a"), None),
        (None, Extent(0, 100, "a"), None),
        ("a", Extent(0, 100, None), None),
        ("a", Extent(0, 49, "a"), HaltReason.LOG_TRUNCATED),
        (None, Extent(0, 49, "a"), HaltReason.LOG_ENDED_BEFORE),
        ("a", Extent(0, 49, None), HaltReason.LOG_ENDED_BEFORE),
        ("a", Extent(51, 100, "a"), HaltReason.LOG_STARTS_AFTER),
        ("a", Extent(0, 100, "b"), HaltReason.TOPIC_IS_ANOTHER),
        ("a", Extent(0, 0, "b"), HaltReason.TOPIC_IS_ANOTHER),
    ],
)
def test_a_log_that_is_not_the_one_it_was_is_told_with_both_sides(
    known: str | None, log: Extent, reason: HaltReason | None
) -> None:
    halt = judge(50, known, log)
    assert (halt and halt.reason) == reason
    if halt is not None:
        assert "the checkpoint is at 50" in halt.detail
        assert f"{log.begin} up to {log.end}" in halt.detail


def test_the_record_before_the_checkpoint_must_be_the_one_that_was_folded() -> None:
    assert compare(50, b"one", 49, b"one") is None
    gone, other = compare(50, b"one", 60, b"one"), compare(50, b"one", 49, b"two")
    assert gone is not None
    assert other is not None
    assert gone.reason == other.reason == HaltReason.LOG_IS_ANOTHER
    assert "is not there any more" in gone.detail
    assert b"two".hex() in other.detail
