import pytest

from services.rewriter.replies import addresses
from services.rewriter.replies.parse import Headers


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("li@c.example", "li@c.example"),
        ("Li <li@c.example>", "li@c.example"),
        ('"eve@evil.example" <li@c.example>', "li@c.example"),
        ("<eve@evil.example> <li@c.example>", "li@c.example"),
        ("li@c.example (Li)", "li@c.example"),
        ("=?utf-8?q?Li?= <  li@c.example >", "li@c.example"),
        ("Li <li at c.example>", None),
        ("", None),
        ("@", None),
        ("a" * 1000 + "@c.example", None),
    ],
)
def test_the_author_is_the_address_in_brackets_else_the_first(
    value: str, expected: str | None
) -> None:
    assert addresses.author(Headers({"from": [value]})) == expected


def test_without_from_the_sender_is_the_author() -> None:
    assert addresses.author(Headers({"from": ["Li"], "sender": ["l@c.example"]})) == "l@c.example"
    assert addresses.author(Headers()) is None


def test_every_address_a_mail_came_to_is_found_once_in_lower_case() -> None:
    headers = Headers(
        {
            "delivered-to": ["Reply+X@R.example"],
            "to": ['"A, B" <a@x.example>, b@x.example; Undisclosed:;', "a@x.example"],
            "resent-to": ["<c@x.example>"],
            "subject": ["d@x.example"],
        }
    )
    found = addresses.delivered(headers)
    assert [f"{left}@{right}" for left, right in found] == [
        "reply+x@r.example",
        "a@x.example",
        "b@x.example",
        "c@x.example",
    ]
    many = Headers({"to": [" ".join(f"p{number}@x.example" for number in range(5_000))]})
    assert len(addresses.delivered(many)) == addresses.MAX_ADDRESSES


def test_a_domain_is_what_stands_right() -> None:
    assert addresses.domain("a@B.Example") == "b.example"
    assert addresses.domain("a") == "a"
