"""Header fields: which there are, where they stand, and what a value with parameters says."""

from itertools import pairwise

import pytest

from services.rewriter.mime import header
from services.rewriter.mime.header import MAX_FIELDS, Structured

RAW = b"From: a@b\r\nSUBJECT: =?utf-8?q?a=C3=A9?=\r\n =?utf-8?q?b?=\r\nTo:\r\n c@d\r\n\r\nbody: no\r\n"


def test_fields_are_read_with_their_spans() -> None:
    made = header.read(RAW, 0)
    assert [(one.name, one.value) for one in made.fields] == [
        ("From", "a@b"),
        ("SUBJECT", "=?utf-8?q?a=C3=A9?= =?utf-8?q?b?="),
        ("To", "c@d"),
    ]
    assert RAW[made.fields[1].start : made.fields[1].end].startswith(b"SUBJECT")
    assert RAW[made.end : made.body] == b"\r\n"
    assert RAW[made.body :] == b"body: no\r\n"
    assert made.sound
    assert made.first("subject") == "aéb"
    assert made.first("cc") is None


def test_spans_are_those_of_all_fields() -> None:
    made = header.read(RAW, 0)
    assert [(start, end) for _, start, end in header.spans(RAW, made)] == [
        (one.start, one.end) for one in made.fields
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a\r\nno field\r\n\r\n",
        b"From: a\rTo: b\r\n\r\n",
        b"From a@b\rc Thu Nov 26 10:00:00 2026\r\nFrom: a\r\n\r\n",
        b"To : a\r\n\r\n",
        b"\xef\xbb\xbfFrom: a\r\n\r\n",
        b" folded first\r\n\r\n",
        b"a: b\n" * (MAX_FIELDS + 1) + b"\nbody",
        b"a: " + b"b" * 300_000 + b"\n\nbody",
    ],
    ids=range(8),
)
def test_a_header_that_programs_read_differently_is_not_sound(raw: bytes) -> None:
    assert not header.read(raw, 0).sound


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_header_beyond_the_bounds_goes_up_to_the_blank_line(end: bytes) -> None:
    raw = (b"a: b" + end) * 3_000 + b"Bcc: hidden" + end * 2 + b"body"
    made = header.read(raw, 0)
    assert raw[made.body :] == b"body"
    assert len(made.fields) == MAX_FIELDS
    assert sum(name == b"bcc" for name, _, _ in header.spans(raw, made)) == 1


def test_a_huge_field_is_given_in_pieces_that_are_all_of_it() -> None:
    raw = b"To: a\nBcc: " + b"x@y,\n " * 200_000 + b"z\nCc: b\n\nbody"
    made = header.read(raw, 0)
    pieces = [(start, end) for name, start, end in header.spans(raw, made) if name == b"bcc"]
    assert len(pieces) > 1
    assert all(one[1] == other[0] for one, other in pairwise(pieces))
    assert raw[: pieces[0][0]] == b"To: a\n"
    assert raw[pieces[-1][1] :] == b"Cc: b\n\nbody"


@pytest.mark.parametrize(
    ("value", "parameters"),
    [
        ("text/html; charset=utf-8", {"charset": "utf-8"}),
        ('text/html;\r\n charset="a\\"b;c" ; x = y', {"charset": 'a"b;c', "x": "y"}),
        ("a/b; name*=iso-8859-1'de'Gr%FC%DFe", {"name": "Grüße"}),
        ("a/b; name*0*=utf-8''%C3%A9; name*1=\"x y\"; name*3=z", {"name": "éx y"}),
        ("a/b; name=plain; name*=utf-8''better", {"name": "better"}),
        ("a/b; name*=utf-7''+2AA-x", {"name": "\ufffdx"}),
        ('a/b; name="never closed; x=y', {"name": "never closed; x=y"}),
        ("a/b; name=two words", {"name": "two words"}),
        ("a/b; name*=nothing'", {"name": "nothing'"}),
        ("a/b;\xa0boundary=x; charset\xa0=y", {"\xa0boundary": "x", "charset\xa0": "y"}),
    ],
)
def test_parameters(value: str, parameters: dict[str, str]) -> None:
    read = Structured(value)
    assert read.parameters == parameters
    assert read.ambiguous is ("never" in value)


def test_a_parameter_twice_or_in_half_quotes_is_ambiguous() -> None:
    assert Structured("a/b; boundary=x; boundary=y").ambiguous
    assert not Structured("a/b; boundary=x; boundary=x").ambiguous
    assert Structured('a/b; boundary="x"y').ambiguous
    assert Structured('a/b; boundary="x').ambiguous
    assert Structured('a/b; boundary="x\\"').ambiguous
    assert not Structured('a/b; boundary="x" (a comment) ; c=d').ambiguous


@pytest.mark.parametrize(
    ("value", "media", "token"),
    [
        ("Text/HTML; a=b", "text/html", "text/html"),
        ("text/html charset=utf-8", None, "text/html charset=utf-8"),
        ("html", None, "html"),
        ("text/html/x", None, "text/html/x"),
        ("BASE64 (a comment)", None, "base64"),
        ('"inline"; x', None, "inline"),
        (" \t text/html ;", "text/html", "text/html"),
        # A blank beyond ASCII is a letter to some.
        ("\xa0text/html", None, "\xa0text/html"),
        ("text/html\u2003; a=b", None, "text/html\u2003"),
        ("", None, ""),
    ],
)
def test_what_a_value_begins_with(value: str, media: str | None, token: str) -> None:
    assert Structured(value).media() == media
    assert Structured(value).token() == token
