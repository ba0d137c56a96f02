import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.retry import Backoff


def test_waits_double_up_to_the_ceiling() -> None:
    backoff = Backoff(first_seconds=0.1, ceiling_seconds=1.0, jitter=0.0)
    waits = [backoff.delay(attempt, 0.0) for attempt in range(6)]
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])


@given(st.integers(min_value=0, max_value=100_000), st.floats(min_value=0, max_value=1))
def test_a_wait_never_leaves_its_bounds(attempt: int, fraction: float) -> None:
    backoff = Backoff(first_seconds=0.2, ceiling_seconds=30.0, jitter=0.5)
    assert 0.1 <= backoff.delay(attempt, fraction) <= 30.0


def test_chance_spreads_only_the_jitter() -> None:
    backoff = Backoff(first_seconds=1.0, ceiling_seconds=1.0, jitter=0.4)
    assert backoff.delay(0, 0.0) == pytest.approx(0.6)
    assert backoff.delay(0, 1.0) == pytest.approx(1.0)


def test_a_backoff_that_cannot_grow_is_refused() -> None:
    with pytest.raises(ValueError, match="first wait"):
        Backoff(first_seconds=2.0, ceiling_seconds=1.0)
    with pytest.raises(ValueError, match="factor"):
        Backoff(first_seconds=1.0, ceiling_seconds=1.0, factor=0.5)
