"""Encoded words: what they say, and how ours are written."""

import email.header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.mime import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?a_=C3=A9?=", "a é"),
        ("=?utf-8?b?5p2O?= =?utf-8?q?b?= c", "李b c"),
        # one character in two words
        ("=?utf-8?q?=E6=9D?= =?utf-8?q?=8E?=", "李"),
        ("=?iso-2022-jp?b?GyRCOzNFRBsoQg==?= <a@b>", "山田 <a@b>"),
        ("=?utf-8*en?q?x?=", "x"),
        ("=?x-unknown?q?x?= =?utf-8?q?y?=", "=?x-unknown?q?x?= y"),
        ("=?utf-8?q?a=0D=0ABcc:_x?=", "a  Bcc: x"),
        ("=?utf-8?b?Z?=", "=?utf-8?b?Z?="),
        # half a character, which UTF-7 can say and nothing else
        ("=?utf-7?q?+2AA-?=", "\ufffd"),
    ],
)
def test_decoding(value: str, text: str) -> None:
    assert words.decode(value) == text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_what_is_encoded_is_read_by_us_and_by_python(text: str) -> None:
    written = words.encode(text)
    assert all(len(one) <= 75 and one.isascii() for one in written)
    assert words.decode(" ".join(written)) == text
    decoded = email.header.decode_header("\n ".join(written))
    assert b"".join(raw for raw, _ in decoded if isinstance(raw, bytes)).decode() == text
