from uuid import UUID

import pytest

from schemas import token
from schemas.identity import MessageId
from services.rewriter.naming import name_message, our_message_id
from tests.rewriter.given import CONFIG, MESSAGE, TENANT

MINTED = MessageId(UUID(int=7))


def mint() -> MessageId:
    return MINTED


def test_a_mail_is_named_by_its_own_message_id_before_anything_else() -> None:
    named = name_message(TENANT, "<a@b>", "key", b"1", mint)
    assert named == name_message(TENANT, " a@b ", None, b"2", mint)
    assert named != name_message(TENANT, "<c@d>", "key", b"1", mint)


def test_else_by_the_callers_key_and_the_body() -> None:
    named = name_message(TENANT, None, "key", b"1", mint)
    assert named == name_message(TENANT, None, "key", b"1", mint)
    assert named != name_message(TENANT, None, "key", b"2", mint)
    assert named != name_message(TENANT, None, "other", b"1", mint)


def test_else_anew() -> None:
    assert name_message(TENANT, None, None, b"1", mint) == MINTED


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://t.example", "t.example"),
        ("https://T.example:8443/x", "t.example"),
        ("http://127.0.0.1:7400", "[127.0.0.1]"),
        ("http://[::1]:7400", "[IPv6:::1]"),
    ],
)
def test_our_message_id_finds_its_message_and_has_the_domain_of_the_links(
    url: str, domain: str
) -> None:
    made = our_message_id(CONFIG.token_keys, TENANT, MESSAGE, url)
    left, _, right = made[1:-1].partition("@")
    assert (made[0], made[-1], right) == ("<", ">", domain)
    assert token.read_message_id(CONFIG.token_keys, TENANT, left) == MESSAGE
