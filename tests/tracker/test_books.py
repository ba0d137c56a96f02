"""What becomes of valid hits, and that each is counted once."""

import asyncio

import pytest

from schemas.token import Claim
from services.tracker import hits
from services.tracker.books import Books
from services.tracker.hits import Hit
from services.tracker.metrics import Kind, Metrics, Outcome
from tests.tracker.given import EDGE, FILE_INDEX, MESSAGE, REFS, TENANT, Tracker, a_tracker

HIT = Hit(method="GET", user_agent="Mozilla/5.0")
CLAIM = Claim(tenant=TENANT, message_id=MESSAGE, refs=REFS, index=FILE_INDEX)
UNRECORDED = Claim(tenant=TENANT, message_id=MESSAGE, refs=REFS, index=FILE_INDEX, mode=7)
EVENT = hits.viewed(CLAIM, HIT, EDGE)


def books_of(tracker: Tracker) -> Books:
    return Books(tracker.recorder, tracker.clock, Metrics(tracker.registry))


@pytest.fixture
async def tracker() -> Tracker:
    """A tracker whose registry is free for books of our own."""
    tracker = await a_tracker()
    for each in list(tracker.registry._collector_to_names):
        tracker.registry.unregister(each)
    return tracker


async def test_a_hit_that_is_safe_is_recorded(tracker: Tracker) -> None:
    assert await books_of(tracker).record(Kind.CLICK, CLAIM, HIT, EVENT) is Outcome.RECORDED
    assert len(tracker.published()) == 1
    assert tracker.counted("hits_total", kind="click", outcome="recorded") == 1
    assert tracker.counted("publish_seconds_count") == 1


async def test_a_mode_that_is_not_recorded_is_not_offered(tracker: Tracker) -> None:
    became = await books_of(tracker).record(Kind.CLICK, UNRECORDED, HIT, EVENT)
    assert became is Outcome.NOT_RECORDED
    assert tracker.published() == []


async def test_a_hit_that_kafka_does_not_take_is_unavailable(tracker: Tracker) -> None:
    tracker.publisher.trouble = "kafka: gone"
    assert await books_of(tracker).record(Kind.CLICK, CLAIM, HIT, EVENT) is Outcome.UNAVAILABLE
    assert tracker.counted("hits_total", kind="click", outcome="unavailable") == 1


async def test_a_hit_given_up_is_counted_as_abandoned(tracker: Tracker) -> None:
    tracker.publisher.held = True
    recording = asyncio.ensure_future(books_of(tracker).record(Kind.CLICK, CLAIM, HIT, EVENT))
    await asyncio.sleep(0)
    recording.cancel()
    with pytest.raises(asyncio.CancelledError):
        await recording
    assert tracker.counted("hits_total", kind="click", outcome="abandoned") == 1


async def test_an_offer_is_counted_by_whoever_made_it(tracker: Tracker) -> None:
    assert await books_of(tracker).offer(CLAIM, HIT, EVENT) is Outcome.RECORDED
    assert tracker.counted("hits_total", kind="click", outcome="recorded") == 0
