"""What becomes of valid hits, and that each is counted once."""

import asyncio

import pytest

from schemas.token import Seen
from services.tracker.books import Books
from services.tracker.entry import Where
from services.tracker.hits import Hit
from services.tracker.metrics import Kind, Metrics, Outcome
from services.tracker.mint import Mint
from services.tracker.refusals.table import Verdict
from tests.tracker.given import EDGE, MESSAGE, REFS, TENANT, Entropy, Tracker, a_tracker

HIT = Hit(method="GET", user_agent="Mozilla/5.0")
SEEN = Seen(TENANT, MESSAGE.bytes, REFS, 0, 2, None)


class Desk:
    """Books of our own over a tracker's parts."""

    def __init__(self, tracker: Tracker) -> None:
        for each in list(tracker.registry._collector_to_names):
            tracker.registry.unregister(each)
        self.tracker = tracker
        self.books = Books(tracker.journal, tracker.refusals, Metrics(tracker.registry))
        self.mint = Mint(EDGE, tracker.clock, Entropy())

    async def record(self, seen: Seen = SEEN) -> Outcome:
        return await self.books.recorded(Kind.CLICK, seen, HIT, self.mint.clicked)

    def counted(self, outcome: Outcome) -> float:
        return self.tracker.counted("hits_total", kind="click", outcome=outcome)


@pytest.fixture
async def desk() -> Desk:
    return Desk(await a_tracker())


@pytest.mark.parametrize("where", [Where.KAFKA, Where.SPOOL])
async def test_a_hit_that_is_safe_is_recorded_and_counted_by_where(
    desk: Desk, where: Where
) -> None:
    desk.tracker.journal.where = where
    assert await desk.record() is Outcome.RECORDED
    assert len(desk.tracker.published()) == 1
    assert desk.counted(Outcome.RECORDED) == 1
    assert desk.tracker.counted("recorded_total", kind="click", path=where.value) == 1


async def test_a_mode_that_is_not_recorded_is_not_offered(desk: Desk) -> None:
    assert await desk.record(SEEN._replace(mode=7)) is Outcome.NOT_RECORDED
    assert desk.tracker.published() == []
    assert desk.tracker.counted("not_recorded_total", kind="click", reason="mode") == 1


@pytest.mark.parametrize("verdict", Verdict)
async def test_who_refuses_is_not_recorded(desk: Desk, verdict: Verdict) -> None:
    desk.tracker.refusals.verdict = verdict
    assert await desk.record() is Outcome.NOT_RECORDED
    assert desk.tracker.published() == []
    assert desk.tracker.counted("not_recorded_total", kind="click", reason=verdict) == 1


async def test_while_nobody_knows_who_refuses_hits_are_marked(desk: Desk) -> None:
    await desk.record()
    assert desk.tracker.journal.unfiltered == []
    desk.tracker.refusals.known = False
    assert await desk.record() is Outcome.RECORDED
    assert desk.tracker.journal.unfiltered == desk.tracker.journal.entries[1:]


async def test_a_hit_that_nobody_takes_is_unavailable(desk: Desk) -> None:
    desk.tracker.journal.where = Where.NOWHERE
    assert await desk.record() is Outcome.UNAVAILABLE
    assert desk.counted(Outcome.UNAVAILABLE) == 1


async def test_a_hit_is_counted_also_when_nobody_waits_any_more(desk: Desk) -> None:
    desk.tracker.journal.held = True
    recording = asyncio.ensure_future(desk.record())
    await asyncio.sleep(0)
    recording.cancel()
    with pytest.raises(asyncio.CancelledError):
        await recording
    desk.tracker.journal.release()
    assert desk.counted(Outcome.RECORDED) == 1
