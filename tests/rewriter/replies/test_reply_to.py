"""Reply addresses in the copies that leave: where they are added, and that they lead back."""

from dataclasses import replace
from typing import Any

import pytest

from schemas import token
from services.rewriter import answer, copies
from tests.rewriter.given import KEYS, TENANT, TERMS, a_recipient, prepared


def test_answers_to_a_followed_copy_come_to_the_reply_domain_under_the_senders_name() -> None:
    terms = replace(TERMS, reply_domain="reply.demo.example")
    to = [a_recipient(1), a_recipient(2), a_recipient(3, kind="other")]
    made = prepared(terms, to=to)
    headers = [one["headers"] for one in answer.write(made, copies.renditions(made))["renditions"]]
    for shown, ref in zip(headers[:2], made.refs, strict=False):
        assert shown["Reply-To"].startswith("Ana <reply+")
        local, domain = shown["Reply-To"][len("Ana <") : -1].split("@")
        assert (domain, len(local) <= 64) == ("reply.demo.example", True)
        found = token.read_reply(KEYS.tokens, TENANT, local.removeprefix("reply+").upper())
        assert found == (made.message_id, ref)
    assert "Reply-To" not in headers[2]


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {"reply-TO": "r@demo.example"}},
        {"renditions": "message", "to": [a_recipient(1), a_recipient(2)]},
        {"follow": False},
    ],
)
def test_a_reply_address_is_added_only_where_there_is_none_and_one_person_is_meant(
    changes: dict[str, Any],
) -> None:
    made = prepared(replace(TERMS, reply_domain="reply.demo.example"), **changes)
    told = answer.write(made, copies.renditions(made))
    assert not any("reply+" in str(one["headers"]) for one in told["renditions"])
