"""What is decided of any mail at all: no bytes raise, none take long, and no damaged token names a message."""

import time
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import envelope, identity
from schemas.events import ReplyReceived
from services.rewriter.replies.judge import Outcome, Reason, event_id
from tests.rewriter.given import MESSAGE
from tests.rewriter.replies.samples import (
    FOLDER,
    OUR_ID,
    REPLY_DOMAIN,
    REPLY_TOKEN,
    TERMS,
    judged,
    reply,
    sample,
)

MEGABYTE = 1024 * 1024
HEAD = b"From: a@b.example\nTo: x@y.example\nMessage-ID: <q@z.example>\n"
AWAY = HEAD + b"Auto-Submitted: auto-replied\nIn-Reply-To: <offer-1@demo.example>\n"
DAEMON = b"From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n"
# Far above what any of them takes, far below what a hang would.
SECONDS = 2.0
HOSTILE: dict[str, Callable[[], bytes]] = {
    "nul": lambda: b"\0" * MEGABYTE,
    "largest": lambda: HEAD + b"\n" + b"x" * 30 * MEGABYTE,
    "largest_lines": lambda: HEAD + b"\n" + b"\n" * 30 * MEGABYTE,
    "fields": lambda: HEAD + b"".join(b"X-%d: y\n" % one for one in range(100_000)),
    "receivers": lambda: HEAD + b"To: a@b.example\n" * 100_000,
    "references": lambda: HEAD + b"References: " + b"<a@b> " * 100_000 + b"\n\n",
    "one_word": lambda: HEAD + b"Cc: " + b"a" * 500_000 + b"\n\n",
    "brackets": lambda: HEAD + b"References: " + b"<" * 500_000 + b"\n\n",
    "folded": lambda: HEAD + b"Subject: x\n" + b" \n" * 200_000,
    "encoded_words": lambda: HEAD + b"Subject: " + b"=?utf-8?q?" * 50_000 + b"\n\n",
    "parameters": lambda: HEAD + b"Content-Type: multipart/mixed; " + b'a="b;' * 3_000 + b"\n\n",
    "deep": lambda: (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b0\n\n"
        + b"".join(
            b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (one, one + 1)
            for one in range(8_000)
        )
    ),
    "parts": lambda: (
        HEAD + b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\nx\n" * 99_999
    ),
    "daemon": lambda: DAEMON + b"y" * MEGABYTE,
    "daemon_lines": lambda: (
        DAEMON
        + b"here is your list of failed recipients\na message that you sent could not be delivered\n"
        * 9_999
    ),
    "statuses": lambda: (
        HEAD
        + b"Content-Type: multipart/report; boundary=a\n\n--a\nContent-Type: message/delivery-status\n\n"
        + b"Action: failed\nFinal-Recipient: rfc822; a@b.example\n\n" * 20_000
    ),
    "markup": lambda: AWAY + b"Content-Type: text/html\n\n" + b"<style" * 80_000,
    "tags": lambda: AWAY + b"Content-Type: text/html\n\n" + b"<" * 500_000,
    "dates": lambda: AWAY + b"\n" + b"back until 3 august 2020 1.1. " * 20_000,
    "digits": lambda: AWAY + b"\n" + b"1 " * 200_000,
    "base64": lambda: AWAY + b"Content-Transfer-Encoding: base64\n\n" + b"QUJD\n" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_mail_takes_long(name: str) -> None:
    raw = HOSTILE[name]()
    begun = time.process_time()
    judged(raw)
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n\r\n", b"\0\1\2", b"hello", b"GET / HTTP/1.1\r\n\r\n", b"{}"]
)
def test_what_is_no_mail_is_ignored_with_a_reason(raw: bytes) -> None:
    judgement = judged(raw)
    assert (judgement.outcome, judgement.reason) == (Outcome.IGNORED, Reason.NOT_A_MAIL)
    assert judgement.reason is not None
    assert judgement.reason.detail


@given(st.binary(max_size=2_000))
def test_no_bytes_raise(raw: bytes) -> None:
    assert judged(raw).outcome in Outcome
    assert judged(HEAD + raw).outcome in Outcome


MAILS = st.sampled_from(sorted(path.stem for path in FOLDER.glob("*.eml")))


@given(MAILS, st.data())
def test_no_damaged_mail_raises_and_whatever_is_recorded_can_be_written(
    name: str, data: st.DataObject
) -> None:
    raw = bytearray(sample(name))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    event = judged(bytes(raw)).event
    if event is not None:
        envelope.check(event)


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize(
    ("token", "field"),
    [
        (REPLY_TOKEN, "To: reply+{}@reply.demo.example"),
        (OUR_ID, "In-Reply-To: <{}@t.example>"),
        (OUR_ID, "References: <{}@t.example>"),
    ],
)
def test_every_flipped_bit_of_a_token_unmatches(bit: int, token: str, field: str) -> None:
    for at in range(len(token)):
        damaged = bytearray(token.encode())
        damaged[at] ^= 1 << bit
        if bytes(damaged).lower() == token.encode():
            continue  # the other case of a letter is the same token
        found = judged(reply(field).replace(b"{}", bytes(damaged))).match
        assert found is None or (token == OUR_ID and found.message_id != MESSAGE), at


def test_a_tenants_token_is_no_other_tenants() -> None:
    other = replace(TERMS, tenant=identity.tenant("other"))
    for field in ("To: reply+@@TOKEN@@@reply.demo.example", "In-Reply-To: <@@OURID@@@t.example>"):
        assert judged(reply(field), TERMS).outcome is Outcome.REPLY
        assert judged(reply(field), other).outcome is Outcome.UNMATCHED


def test_the_event_is_named_by_the_mails_own_id_or_else_by_its_bytes() -> None:
    named = reply("In-Reply-To: <offer-1@demo.example>")
    again = reply("In-Reply-To: <offer-1@demo.example>", "X-Hop: 2", body="other words")
    bare = named.replace(b"Message-ID", b"X-Other-ID")

    def name_of(raw: bytes) -> UUID:
        judgement = judged(raw)
        assert judgement.event is not None
        return event_id(judgement.event, TERMS, judgement.business_key)

    assert name_of(named) == name_of(again)
    assert name_of(named) == identity.event_id(
        "reply.received.v1", TERMS.tenant, "r1@customer.example"
    )
    assert len({name_of(named), name_of(bare), name_of(bare + b"\n")}) == 3


def test_an_automatic_reply_to_the_reply_address_is_not_a_forward() -> None:
    token = "To: reply+@@TOKEN@@@reply.demo.example"
    assert judged(reply("Subject: Fwd: Your offer", token)).outcome is Outcome.REPLY
    our = "In-Reply-To: <@@OURID@@@t.example>"
    assert judged(reply("Subject: Fwd: Your offer", our)).reason is Reason.FORWARD
    away = ("Subject: Fwd: Your offer", "Auto-Submitted: auto-replied")
    assert judged(reply(*away, our)).outcome is Outcome.AUTOMATIC


def test_without_a_reply_domain_no_address_is_believed() -> None:
    raw = reply("To: reply+@@TOKEN@@@reply.demo.example")
    assert judged(raw, replace(TERMS, reply_domain=None)).outcome is Outcome.UNMATCHED
    assert judged(raw, replace(TERMS, reply_domain=REPLY_DOMAIN.upper())).outcome is Outcome.REPLY


def test_a_reply_without_an_author_is_recorded_as_somebodys() -> None:
    raw = reply("In-Reply-To: <offer-1@demo.example>").replace(b"From:", b"X-From:")
    event = judged(raw).event
    assert isinstance(event, ReplyReceived)
    assert event.from_ref is None
