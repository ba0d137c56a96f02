"""What is given, what is recorded, and that the books balance."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import envelope
from schemas.events import AttachmentViewed
from schemas.files import FileKind, StoredFile, content_key
from schemas.instant import SECOND, Instant
from services.tracker import answers
from services.tracker.answers import Answer
from services.tracker.entry import Where
from services.tracker.files.conditions import Conditions
from services.tracker.files.file_doors import PICTURE_SECONDS, Download, presented
from services.tracker.hits import Hit
from services.tracker.metrics import Kind, Outcome
from tests.support.clock import START
from tests.support.eventually import eventually
from tests.tracker.given import (
    FILE_INDEX,
    MESSAGE,
    RETIRED,
    STORED_AT,
    STRANGER,
    TENANT,
    Tracker,
    a_file,
    a_tracker,
    attachment_token,
    click_token,
    picture_token,
)

HIT = Hit(method="GET", user_agent="Mozilla/5.0", network="192.0.2.0/24")
HEAD = Hit(method="HEAD")
ANY = Conditions()
CONTENT = b"0123456789"
FILE = a_file(CONTENT)
TAG = f'"{FILE.digest}"'
PAST = Instant(START - 1)
HELD = Conditions(none_match=TAG)
LOOKALIKE = b"GIF89a=1;alert(1)//"


@pytest.fixture
async def tracker(tmp_path: Path) -> Tracker:
    """A tracker whose store has the file."""
    tracker = await a_tracker(tmp_path / "objects")
    await tracker.store(FILE, CONTENT)
    return tracker


async def body(answer: Answer | Download) -> bytes:
    if isinstance(answer, Answer) or answer.rest is None:
        return b""
    return answer.first + b"".join([part async for part in answer.rest])


async def test_a_file_is_given_and_recorded(tracker: Tracker) -> None:
    asked = Conditions(range="bytes=2-4")
    hit = HIT._replace(range="bytes=2-4")
    answer = await tracker.files.attachment(attachment_token(), hit, asked)
    assert (answer.status, await body(answer)) == (206, b"234")
    (record,) = tracker.published()
    event = envelope.decode(record.key, record.value, record.headers).event
    assert isinstance(event, AttachmentViewed)
    assert event.attachment_index == FILE_INDEX
    assert event.range == "bytes=2-4"
    assert event.user_agent == "Mozilla/5.0"
    assert tracker.counted("hits_total", kind="attachment", outcome="recorded") == 1


@pytest.mark.parametrize(
    ("hit", "asked", "status"),
    [(HIT, ANY, 200), (HEAD, ANY, 200), (HIT, HELD, 304), (HEAD, HELD, 304)],
)
async def test_every_answer_that_is_about_the_file_is_a_view(
    tracker: Tracker, hit: Hit, asked: Conditions, status: int
) -> None:
    answer = await tracker.files.attachment(attachment_token(), hit, asked)
    assert answer.status == status
    assert dict(answer.headers)["Inkling-Recorded"] == "yes"
    assert len(tracker.published()) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("garbage", "malformed"),
        (attachment_token()[:-4], "forged"),
        (attachment_token(RETIRED), "unknown_key"),
        (attachment_token(STRANGER), "forged"),
        (click_token(), "forged"),
        (picture_token(), "forged"),
    ],
)
async def test_a_token_of_nobody_gives_nothing(tracker: Tracker, text: str, fault: str) -> None:
    assert await tracker.files.attachment(text, HIT, ANY) is answers.NO_SUCH_FILE
    assert tracker.counted("refused_total", kind="attachment", reason=fault) == 1
    assert tracker.published() == []


@pytest.mark.parametrize(
    "change", [{"withdrawn_at": STORED_AT}, {"expires_at": PAST}, {"expires_at": Instant(START)}]
)
async def test_a_withdrawn_or_expired_file_is_gone_for_everybody(
    tracker: Tracker, change: dict[str, Instant]
) -> None:
    await tracker.store_metadata(a_file(CONTENT, **change))
    for asked in (ANY, HELD, Conditions(range="bytes=50-")):
        assert await tracker.files.attachment(attachment_token(), HIT, asked) is answers.FILE_GONE
    assert tracker.counted("refused_total", kind="attachment", reason="gone") == 3
    assert tracker.published() == []


async def test_a_file_that_expires_later_is_given(tracker: Tracker) -> None:
    await tracker.store_metadata(a_file(CONTENT, expires_at=Instant(START + SECOND)))
    assert (await tracker.files.attachment(attachment_token(), HIT, ANY)).status == 200
    tracker.clock.advance(1.0)
    assert (await tracker.files.attachment(attachment_token(), HIT, ANY)).status == 410


async def test_a_file_withdrawn_while_it_was_believed_to_be_there_is_gone(
    tracker: Tracker,
) -> None:
    assert (await tracker.files.attachment(attachment_token(), HEAD, ANY)).status == 200
    await tracker.store_metadata(a_file(CONTENT, withdrawn_at=STORED_AT))
    await tracker.objects.delete(content_key(TENANT, MESSAGE, FileKind.ATTACHMENT, FILE_INDEX))
    assert await tracker.files.attachment(attachment_token(), HIT, ANY) is answers.FILE_GONE
    assert len(tracker.published()) == 1  # the HEAD


async def test_a_file_without_its_content_is_not_served_and_not_called_unknown(
    tracker: Tracker,
) -> None:
    await tracker.objects.delete(content_key(TENANT, MESSAGE, FileKind.ATTACHMENT, FILE_INDEX))
    answer = await tracker.files.attachment(attachment_token(), HIT, ANY)
    assert answer is answers.FILE_UNAVAILABLE
    assert tracker.counted("hits_total", kind="attachment", outcome="unserved") == 1
    assert tracker.published() == []


async def test_an_unknown_and_a_damaged_file_look_alike(tmp_path: Path) -> None:
    tracker = await a_tracker(tmp_path)
    assert await tracker.files.attachment(attachment_token(), HIT, ANY) is answers.NO_SUCH_FILE
    await tracker.store(a_file(CONTENT, digest="x"), CONTENT)
    tracker.clock.advance(5)
    assert await tracker.files.attachment(attachment_token(), HIT, ANY) is answers.NO_SUCH_FILE
    assert tracker.counted("refused_total", kind="attachment", reason="unknown_file") == 1
    assert tracker.counted("refused_total", kind="attachment", reason="damaged_file") == 1


async def test_without_kafka_a_file_is_given_and_says_that_it_is_not_recorded(
    tracker: Tracker,
) -> None:
    tracker.journal.where = Where.NOWHERE
    answer = await tracker.files.attachment(attachment_token(), HIT, ANY)
    assert (answer.status, await body(answer)) == (200, CONTENT)
    assert dict(answer.headers)["Inkling-Recorded"] == "no"
    assert tracker.counted("hits_total", kind="attachment", outcome="unavailable") == 1


@pytest.mark.parametrize("mode", [1, 7])
async def test_a_mode_that_is_not_recorded_is_served(tracker: Tracker, mode: int) -> None:
    answer = await tracker.files.attachment(attachment_token(mode=mode), HIT, ANY)
    assert (answer.status, await body(answer)) == (200, CONTENT)
    assert dict(answer.headers)["Inkling-Recorded"] == "no"
    assert tracker.published() == []


async def test_without_the_store_a_file_cannot_be_had_now_and_is_no_view() -> None:
    tracker = await a_tracker()
    answer = await tracker.files.attachment(attachment_token(), HIT, ANY)
    assert answer is answers.FILE_UNAVAILABLE
    assert dict(answer.headers)["Retry-After"] == "5"
    assert tracker.counted("hits_total", kind="attachment", outcome="unserved") == 1
    assert tracker.published() == []


async def test_a_picture_is_shown_and_never_recorded(tracker: Tracker) -> None:
    await tracker.store(a_file(LOOKALIKE, content_type="image/gif"), LOOKALIKE, FileKind.PICTURE)
    answer = await tracker.files.picture(picture_token(), HIT, ANY)
    assert (answer.status, await body(answer)) == (200, LOOKALIKE)
    assert dict(answer.headers)["Content-Type"] == "image/gif"
    assert dict(answer.headers)["Inkling-Recorded"] == "no"
    assert tracker.published() == []
    assert tracker.counted("hits_total", kind="picture", outcome="not_recorded") == 1
    assert (await tracker.files.picture(attachment_token(), HIT, ANY)).status == 404


@pytest.mark.parametrize("content_type", ["image/svg+xml", "text/html", "application/pdf", ""])
async def test_what_is_no_picture_is_not_shown(tracker: Tracker, content_type: str) -> None:
    await tracker.store(a_file(b"<svg/>", content_type=content_type), b"<svg/>", FileKind.PICTURE)
    assert await tracker.files.picture(picture_token(), HIT, ANY) is answers.NO_SUCH_FILE
    assert tracker.counted("refused_total", kind="picture", reason="type") == 1


@pytest.mark.parametrize(
    ("expires_at", "seconds"),
    [(None, PICTURE_SECONDS), (START + 90 * SECOND, 90), (START + SECOND // 2, 0), (PAST, 0)],
)
def test_a_picture_is_kept_no_longer_than_it_lasts(expires_at: Instant, seconds: int) -> None:
    file = a_file(b"", content_type="image/png", expires_at=expires_at)
    how = presented(Kind.PICTURE, file, Instant(START))
    assert how is not None
    assert how.cache_control == f"public, max-age={seconds}, no-transform"


async def test_a_hit_given_up_by_the_server_is_accounted_for(tracker: Tracker) -> None:
    tracker.journal.held = True
    asking = asyncio.ensure_future(tracker.files.attachment(attachment_token(), HIT, ANY))
    assert tracker.files._metrics.finding == 0
    await asyncio.sleep(0)
    assert tracker.files._metrics.finding == 1
    await eventually(lambda: tracker.journal.waiting() == 1)
    assert tracker.files._metrics.finding == 0
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    tracker.journal.release()
    assert tracker.counted("hits_total", kind="attachment", outcome="recorded") == 1
    assert tracker.counted("hits_total", kind="attachment", outcome="abandoned") == 0


FILES = st.sampled_from(
    [
        FILE,
        a_file(b""),
        a_file(CONTENT, withdrawn_at=STORED_AT),
        a_file(CONTENT, size=11),
        a_file(CONTENT, content_type="image/png"),
        a_file(CONTENT, digest="damaged"),
        None,
    ]
)
ASKED = st.sampled_from([ANY, HELD, *[Conditions(range=f"bytes={r}") for r in ("1-2", "99-", "x")]])
TOKENS = st.sampled_from([attachment_token(), attachment_token(mode=1), picture_token(), "no"])
STEPS = st.lists(
    st.tuples(FILES, ASKED, TOKENS, st.booleans(), st.booleans(), st.booleans()), max_size=8
)


@given(STEPS)
@settings(max_examples=60)
async def test_received_is_the_sum_of_what_became_of_them(
    steps: list[tuple[StoredFile | None, Conditions, str, bool, bool, bool]],
) -> None:
    with TemporaryDirectory() as folder:
        tracker = await a_tracker(Path(folder))
        given = 0
        for file, asked, text, is_up, is_picture, is_head in steps:
            tracker.clock.advance(5)
            tracker.journal.where = Where.KAFKA if is_up else Where.NOWHERE
            if file is not None:
                for kind in FileKind:
                    await tracker.store(file, CONTENT if file.size else b"", kind)
            door = tracker.files.picture if is_picture else tracker.files.attachment
            answer = await door(text, HEAD if is_head else HIT, asked)
            given += dict(answer.headers)["Inkling-Recorded"] == "yes"
            assert tracker.files._metrics.finding == 0
        for counted in (Kind.ATTACHMENT, Kind.PICTURE):
            became = sum(
                tracker.counted("hits_total", kind=counted, outcome=each) for each in Outcome
            )
            assert tracker.counted("received_total", kind=counted) == became
        assert given == len(tracker.published())
