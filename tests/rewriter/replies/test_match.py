from dataclasses import replace

import pytest

from schemas import identity, token
from services.rewriter.replies import match, parse
from services.rewriter.replies.match import Match, MatchedBy
from services.rewriter.replies.parse import Headers
from tests.rewriter.given import KEYS, MESSAGE, TENANT
from tests.rewriter.replies.samples import CALLERS, OUR_ID, PERSON, REPLY_TOKEN, TERMS, filled

OURS = "<@@OURID@@@t.example>"
THEIRS = "<offer-1@demo.example>"


def headers(*fields: str) -> Headers:
    return parse.read_headers(filled("\n".join(fields).encode()))


def found(*fields: str) -> Match | None:
    return match.find(headers(*fields), TERMS)


@pytest.mark.parametrize(
    "address",
    [
        "@@TOKEN@@@reply.demo.example",
        "reply+@@TOKEN@@@reply.demo.example",
        "bounces-@@TOKEN@@=customer.example@reply.demo.example",
        "REPLY+@@TOKENUPPER@@@Reply.Demo.Example",
    ],
)
@pytest.mark.parametrize(
    "field", ["To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "Resent-To"]
)
def test_a_token_in_an_address_names_message_and_recipient(field: str, address: str) -> None:
    made = found(
        "From: li@c.example", f"{field}: Ana <{address}>, x@y.example", "In-Reply-To: <z@z>"
    )
    assert made == Match(message_id=MESSAGE, matched_by=MatchedBy.ADDRESS_TOKEN, ref=PERSON)


@pytest.mark.parametrize(
    "address",
    [
        "reply+@@TOKEN@@@other.example",
        "reply+@@TOKEN@@@sub.reply.demo.example",
        "reply@@TOKEN@@@reply.demo.example",
        "@@TOKEN@@a@reply.demo.example",
        "reply.demo.example",
    ],
)
def test_a_token_elsewhere_is_none(address: str) -> None:
    assert found(f"To: {address}") is None


def test_a_good_token_after_a_bad_one_is_found() -> None:
    bad = REPLY_TOKEN[:-1] + ("a" if REPLY_TOKEN[-1] != "a" else "b")
    made = found(f"To: reply+{bad}@reply.demo.example, reply+@@TOKEN@@@reply.demo.example")
    assert made is not None
    assert made.ref == PERSON


def test_the_order_is_address_then_our_id_then_the_callers_id() -> None:
    fields = [f"In-Reply-To: {THEIRS}", f"References: {OURS} <x@y.example>"]
    ours = found(*fields)
    assert ours == Match(message_id=MESSAGE, matched_by=MatchedBy.MESSAGE_ID_TOKEN)
    theirs = found(fields[0], "References: <a@y.example> <x@y.example>")
    assert theirs == Match(message_id=CALLERS, matched_by=MatchedBy.IN_REPLY_TO)
    last = found(f"References: <a@y.example> {THEIRS}")
    assert last == Match(message_id=CALLERS, matched_by=MatchedBy.REFERENCES)
    assert found("Subject: Re: Your offer") is None


def test_of_several_of_our_ids_the_last_in_the_thread_holds() -> None:
    other = identity.message_of_header(TENANT, "<other@demo.example>")
    newer = token.mint_message_id(KEYS.tokens, TENANT, other)
    made = found(f"References: {OURS} <{newer}@moved.example> <r@c.example>")
    assert made is not None
    assert made.message_id == other


def test_our_id_survives_another_host_and_capitals_and_a_damaged_one_names_nothing() -> None:
    made = found(f"In-Reply-To: <{OUR_ID.upper()}@elsewhere.example>")
    assert made is not None
    assert made.matched_by is MatchedBy.MESSAGE_ID_TOKEN
    damaged = OUR_ID[:-1] + ("a" if OUR_ID[-1] != "a" else "b")
    assert found(f"In-Reply-To: <{damaged}@T.example>") is None
    kept = found(f"In-Reply-To: <{damaged}@T.example>", f"References: {THEIRS}")
    assert kept == Match(message_id=CALLERS, matched_by=MatchedBy.REFERENCES)


def test_who_answers_their_own_mail_means_the_one_before_it() -> None:
    own = "Message-ID: <second@customer.example>"
    thread = [
        f"References: {THEIRS} <first@customer.example>",
        "In-Reply-To: <first@customer.example>",
    ]
    to = "To: Ana <ana@demo.example>"
    made = found(own, *thread, to)
    assert made is not None
    assert made.message_id == CALLERS
    # nobody at the caller's domain is asked: what is answered holds
    stranger = found(own, *thread, "To: x@elsewhere.example")
    assert stranger is not None
    assert stranger.matched_by is MatchedBy.IN_REPLY_TO
    # all at one domain: nothing can be told
    inner = found("Message-ID: <r@demo.example>", "In-Reply-To: <offer-1@demo.example>",
        "References: <x@customer.example> <offer-1@demo.example>", to, "Cc: p1@customer.example")  # fmt: skip
    assert inner is not None
    assert inner.message_id == CALLERS


def test_a_returned_mail_is_found_by_its_reply_address_then_by_its_id() -> None:
    def returned(*fields: str) -> Match | None:
        return match.find_returned(headers(*fields), TERMS)

    address = "Reply-To: Ana <reply+@@TOKEN@@@reply.demo.example>"
    assert returned(address, "Message-ID: <0102@ses.example>") == Match(
        message_id=MESSAGE, matched_by=MatchedBy.ADDRESS_TOKEN, ref=PERSON
    )
    assert returned(address) is not None
    assert returned(f"Message-ID: {OURS}") == Match(
        message_id=MESSAGE, matched_by=MatchedBy.MESSAGE_ID_TOKEN
    )
    assert returned(f"Message-ID: {THEIRS}") == Match(
        message_id=CALLERS, matched_by=MatchedBy.RETURNED_MESSAGE
    )
    assert returned("Subject: x") is None


def test_a_mail_of_ours_is_known_by_its_own_id() -> None:
    assert match.is_ours(headers(f"Message-ID: {OURS}"), TERMS)
    assert not match.is_ours(headers(f"Message-ID: {THEIRS}"), TERMS)
    other = replace(TERMS, tenant=identity.tenant("other"))
    assert not match.is_ours(headers(f"Message-ID: {OURS}"), other)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<a@b> <c@d>", ["a@b", "c@d"]),
        ("<a@b>, <c@d>", ["a@b", "c@d"]),
        ("a@b", ["a@b"]),
        ("Your mail of Monday", []),
        ("<" + "x" * 1_000 + "@b>", []),
        ("", []),
    ],
)
def test_ids_are_read(value: str, expected: list[str]) -> None:
    assert match.ids(value) == expected
