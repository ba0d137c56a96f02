from dataclasses import replace
from typing import Any

import orjson
import pytest

from schemas import codec, envelope, topics
from schemas.events import MessagePrepared, Renditions, Template
from schemas.instant import Instant
from schemas.personal import Mailbox, MessagePersonal
from services.rewriter import records
from services.rewriter.attachments import FileRules
from services.rewriter.instrument import Prepared, TooLarge
from services.rewriter.links import MAX_LINKS
from services.runtime.kafka import Outgoing
from tests.rewriter.given import MESSAGE, TARGET, TERMS, a_recipient, prepared, received
from tests.support.clock import START

NOW = Instant(START)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def encoded(made: Prepared) -> tuple[MessagePersonal, MessagePrepared]:
    """Write both records and read them as any reader would."""
    events = []
    for one in records.encode(made, NOW, TRACE):
        found = received(Outgoing(key=one.key, value=one.value, headers=one.headers))
        assert one.key == str(MESSAGE).encode()
        assert found.envelope.traceparent == TRACE
        assert found.envelope.occurred_at == NOW
        assert found.envelope.source == "/rewriter"
        events.append(found.event)
    personal, happened = events
    assert isinstance(personal, MessagePersonal)
    assert isinstance(happened, MessagePrepared)
    return personal, happened


def test_what_names_people_is_apart_from_what_happened() -> None:
    made = prepared(
        replace(TERMS, files=FileRules(forbidden_types=(".exe",))),
        to=[a_recipient(1, id="c-1", time_zone="Asia/Singapore")],
        bcc=[a_recipient(2)],
        template={"id": "intro-3", "name": "Intro"},
        regarding="opportunity-9",
        labels={"step": "1"},
        attachments=[
            {"name": "secret.pdf", "content": "QQ==", "followed": True},
            {"name": "secret.exe", "content": "QQ==", "followed": True},
        ],
    )
    personal, happened = encoded(made)
    assert (personal.subject, personal.sender) == (
        "Your offer",
        Mailbox(address="ana@demo.example", name="Ana"),
    )
    assert [(one.address, one.id) for one in personal.recipients] == [
        ("p1@customer.example", "c-1"),
        ("p2@customer.example", None),
    ]
    first = personal.links[0]
    assert (first.index, first.url, first.text) == (0, TARGET, "the offer")
    assert [one.name for one in personal.attachments] == ["secret.pdf", "secret.exe"]
    assert (happened.owner, happened.followed, happened.reason) == ("ana", True, None)
    assert happened.template == Template(id="intro-3", name="Intro")
    assert (happened.regarding, happened.labels) == ("opportunity-9", {"step": "1"})
    assert [(one.ref, one.followed, one.reason, one.time_zone) for one in happened.recipients] == [
        (made.refs[0], True, None, "Asia/Singapore"),
        (made.refs[1], False, "bcc_not_followed", None),
    ]
    assert [(one.host, one.followed, one.reason) for one in happened.links] == [
        ("shop.example", True, None),
        ("shop.example", True, None),
        (None, False, "not_http"),
    ]
    assert made.mail.html is not None
    assert made.mail.html[happened.links[0].position :].startswith("https://shop.example/offer")
    assert [(one.size, one.followed, one.reason) for one in happened.attachments] == [
        (1, True, None),
        (1, False, "file_type_forbidden"),
    ]
    raw = b"".join(one.value for one in records.encode(made, NOW, None)[1:])
    for name in (b"customer.example", b"Person", b"c-1", b"secret", b"Your offer"):
        assert name not in raw


def test_a_mail_that_is_not_followed_is_recorded_with_its_reason() -> None:
    _, happened = encoded(prepared(follow=False, renditions="message"))
    assert (happened.followed, happened.reason) == (False, "not_requested")
    assert happened.renditions is Renditions.MESSAGE
    assert {one.reason for one in happened.links} == {"not_requested", "not_http"}


def test_ids_and_keys_are_the_same_each_time() -> None:
    first = records.encode(prepared(), NOW, None)
    later = records.encode(prepared(), Instant(NOW + 1), None)
    ids = [[value for name, value in one.headers if name == "ce_id"] for one in (*first, *later)]
    assert ids[:2] == ids[2:]
    assert ids[0] != ids[1]
    assert [one.topic for one in first] == [topics.PERSONAL.name, topics.EVENTS.name]


def test_links_past_the_bound_are_left_out_of_the_records() -> None:
    made = prepared(html='<a href="https://a.example/">x</a>' * (MAX_LINKS + 3))
    personal, happened = encoded(made)
    assert len(personal.links) == len(happened.links) == MAX_LINKS
    assert [link.reason for link in made.links[MAX_LINKS:]] == ["too_many_links"] * 3


def test_a_long_url_that_is_not_followed_is_cut_and_an_empty_one_left_out() -> None:
    url = "data:image/png;base64," + "A" * 20_000
    made = prepared(html=f'<a href="{url}">x</a><a href="">y</a><a href="https://a.example/">z</a>')
    personal, happened = encoded(made)
    assert [(one.index, one.url) for one in personal.links] == [
        (0, url[: records.MAX_URL_CHARACTERS]),
        (2, "https://a.example/"),
    ]
    assert len(happened.links) == 3


def test_a_record_that_would_be_too_large_loses_what_is_only_convenient() -> None:
    texts = "".join(f'<a href="https://a.example/{n}">{"y" * 190}é</a>' for n in range(1000))
    personal, _ = encoded(prepared(html=texts, subject="1"))
    assert len(personal.links) == 1000
    assert personal.links[0].text == "y" * 190 + "é" or personal.links[0].text == ""
    wide = "".join(
        f'<a href="https://{"x" * 60}.{"y" * 60}.example/{n}?{"z" * 150}">{"w" * 150}</a>'
        for n in range(1000)
    )
    personal, happened = encoded(prepared(html=wide))
    assert (personal.links[7].text, len(personal.links[7].url)) == ("", 100)
    assert happened.links[7].host in (None, f"{'x' * 60}.{'y' * 60}.example")
    for one in records.encode(prepared(html=wide), NOW, None):
        assert len(one.value) <= topics.MAX_EVENT_BYTES


def test_what_does_not_fit_even_so_is_refused_by_name() -> None:
    people = [
        {"address": f"{n}@{'d' * 250}.example", "name": "ß" * 256, "id": "ü" * 256}
        for n in range(400)
    ]
    with pytest.raises(TooLarge) as refused:
        records.encode(prepared(to=people), NOW, None)
    assert refused.value.field == "/to"


def test_what_is_written_satisfies_the_closed_schemas() -> None:
    made = prepared(to=[a_recipient(n) for n in range(50)])
    envelope.check(records.personal(made))
    envelope.check(records.happened(made))


@pytest.mark.parametrize("engagement", [True, False])
@pytest.mark.parametrize("kind", ["contact", "other"])
@pytest.mark.parametrize("follow", [True, False])
def test_the_wish_to_follow_is_recorded_and_its_absence_is_always_the_reason(
    engagement: bool, kind: str, follow: bool
) -> None:
    terms = replace(TERMS, engagement=engagement)
    _, happened = encoded(prepared(terms, follow=follow, to=[a_recipient(1, kind)]))
    assert happened.follow_requested is follow
    assert (happened.reason != "not_requested") is follow
    assert happened.followed is (follow and engagement and kind == "contact")


ODD = (
    '<a href="">x</a><a href="https://x.example/unsubscribe">y</a><a href="#z">z</a>'
    f'<a href="http://\u00e9.example/{"x" * 2_100}">long</a><a href="HTTP://X.example:80/">w</a>'
)


@pytest.mark.parametrize("canary", [False, True])
@pytest.mark.parametrize("changes", [{}, {"follow": False}, {"html": None}, {"html": ODD}])
def test_links_are_written_as_their_values_would_be(changes: dict[str, Any], canary: bool) -> None:
    made = prepared(replace(TERMS, canary=canary), **changes)
    written = [one.value for one in records.encode(made, NOW, None)]
    events = (records.personal(made), records.happened(made))
    assert written == [orjson.dumps(codec.write(event)) for event in events]
