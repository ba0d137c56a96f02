"""What is answered, what is recorded, and that the books balance."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import envelope
from schemas.events import LinkClicked, MessageOpened
from schemas.token import KeyRing
from services.tracker import answers
from services.tracker.entry import Where
from services.tracker.hits import Hit
from services.tracker.metrics import Kind, Outcome
from tests.tracker.given import (
    RETIRED,
    STRANGER,
    TARGET,
    Tracker,
    a_tracker,
    click_token,
    open_token,
)

HIT = Hit(method="GET", user_agent="Mozilla/5.0", network="192.0.2.0/24")
REFUSED = {
    "garbage": "malformed",
    "": "malformed",
    open_token()[:-1]: "malformed",
    open_token(RETIRED): "unknown_key",
    open_token(STRANGER): "forged",
    click_token(): "forged",
}


async def test_a_pixel_is_recorded_and_says_so() -> None:
    tracker = await a_tracker()
    assert await tracker.pixel(open_token(), HIT) is answers.PIXEL_RECORDED
    (record,) = tracker.published()
    event = envelope.decode(record.key, record.value, record.headers).event
    assert isinstance(event, MessageOpened)
    assert event.user_agent == "Mozilla/5.0"
    assert tracker.counted("hits_total", kind="open", outcome="recorded") == 1
    assert tracker.counted("recorded_total", kind="open", path="kafka") == 1


async def test_a_link_redirects_and_is_recorded() -> None:
    tracker = await a_tracker()
    answer = await tracker.click(click_token(), HIT)
    assert answer == answers.redirect(TARGET, recorded=True)
    (record,) = tracker.published()
    event = envelope.decode(record.key, record.value, record.headers).event
    assert isinstance(event, LinkClicked)
    assert event.link_index == 3
    assert TARGET.encode() not in (record.value or b"")


async def test_old_keys_still_verify() -> None:
    tracker = await a_tracker()
    old = KeyRing(signing=1, keys={1: b"\x01" * 32})
    assert await tracker.pixel(open_token(old), HIT) is answers.PIXEL_RECORDED
    assert (await tracker.click(click_token(ring=old), HIT)).status == 302


@pytest.mark.parametrize(("text", "fault"), REFUSED.items())
async def test_a_pixel_of_nobody_is_answered_alike_and_not_recorded(text: str, fault: str) -> None:
    tracker = await a_tracker()
    assert await tracker.pixel(text, HIT) is answers.PIXEL_NOT_RECORDED
    assert tracker.published() == []
    assert tracker.counted("refused_total", kind="open", reason=fault) == 1
    assert tracker.counted("hits_total", kind="open", outcome="refused") == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("garbage", "malformed"),
        (click_token()[:-4], "forged"),
        (click_token(ring=RETIRED), "unknown_key"),
        (click_token(ring=STRANGER), "forged"),
        (open_token(), "forged"),
        (click_token("javascript:alert(1)"), "target"),
        (click_token("https://example.com/\r\nX: y"), "target"),
    ],
)
async def test_a_link_of_nobody_leads_nowhere(text: str, fault: str) -> None:
    tracker = await a_tracker()
    assert await tracker.click(text, HIT) is answers.NO_SUCH_LINK
    assert tracker.published() == []
    assert tracker.counted("refused_total", kind="click", reason=fault) == 1


@pytest.mark.parametrize("mode", [1, 2, 255])
async def test_a_mode_that_is_not_recorded_is_served(mode: int) -> None:
    tracker = await a_tracker()
    assert await tracker.pixel(open_token(mode=mode), HIT) is answers.PIXEL_NOT_RECORDED
    answer = await tracker.click(click_token(mode=mode), HIT)
    assert answer == answers.redirect(TARGET, recorded=False)
    assert tracker.published() == []
    assert tracker.counted("hits_total", kind="open", outcome="not_recorded") == 1
    assert tracker.counted("hits_total", kind="click", outcome="not_recorded") == 1


async def test_without_kafka_a_pixel_is_a_503_and_a_link_redirects() -> None:
    tracker = await a_tracker()
    tracker.journal.where = Where.NOWHERE
    assert await tracker.pixel(open_token(), HIT) is answers.PIXEL_UNAVAILABLE
    assert await tracker.click(click_token(), HIT) == answers.redirect(TARGET, recorded=False)
    assert tracker.counted("hits_total", kind="open", outcome="unavailable") == 1
    assert tracker.counted("hits_total", kind="click", outcome="unavailable") == 1


async def test_an_asker_that_waits_does_not_hold_up_others() -> None:
    tracker = await a_tracker()
    tracker.journal.held = True
    first = asyncio.ensure_future(tracker.pixel(open_token(), HIT))
    await asyncio.sleep(0)
    assert await tracker.pixel("garbage", HIT) is answers.PIXEL_NOT_RECORDED
    assert not first.done()
    tracker.journal.release()
    assert await first is answers.PIXEL_RECORDED
    assert tracker.counted("received_total", kind="open") == 2


OPENS = st.sampled_from([open_token(), open_token(mode=1), *REFUSED])
CLICKS = st.sampled_from([click_token(), click_token(mode=1), click_token("x:y"), "no"])
STEPS = st.lists(st.tuples(st.booleans(), st.booleans(), OPENS, CLICKS), max_size=20)


@given(STEPS)
async def test_received_is_the_sum_of_what_became_of_them(
    steps: list[tuple[bool, bool, str, str]],
) -> None:
    tracker = await a_tracker()
    for is_up, is_open, pixel, link in steps:
        tracker.journal.where = Where.KAFKA if is_up else Where.NOWHERE
        if is_open:
            await tracker.pixel(pixel, HIT)
        else:
            await tracker.click(link, HIT)
    tracker.doors.refuse_body(Kind.OPEN)
    for kind in Kind:
        became = {each: tracker.counted("hits_total", kind=kind, outcome=each) for each in Outcome}
        assert tracker.counted("received_total", kind=kind) == sum(became.values())
        assert became[Outcome.REFUSED] == _refused(tracker, kind)
    recorded = sum(tracker.counted("hits_total", kind=k, outcome="recorded") for k in Kind)
    assert recorded == len(tracker.published())


def _refused(tracker: Tracker, kind: Kind) -> float:
    return sum(
        sample.value
        for family in tracker.registry.collect()
        for sample in family.samples
        if sample.name == "inkling_tracker_refused_total" and sample.labels["kind"] == kind
    )
