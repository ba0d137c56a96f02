"""Header fields that are written: where, and how."""

import email
import email.policy

import pytest

from services.rewriter.mime import fields, header, steps

RAW = b"From: a@b\nBcc: c@d,\n e@f\nX-A: 1\nx-a: 2\nInkling-Owner: ana\nSubject: s\n\nbody"


def _changed(raw: bytes, strip: tuple[str, ...], put: tuple[tuple[str, str], ...]) -> bytes:
    made = steps.run(fields.changes(raw, header.read(raw, 0), strip, put))
    for start, end, text in reversed(made):
        raw = raw[:start] + text + raw[end:]
    return raw


def test_fields_go_by_name_and_by_the_beginning_of_a_name() -> None:
    kept = b"From: a@b\nX-A: 1\nx-a: 2\nSubject: s\n\nbody"
    assert _changed(RAW, ("bcc", "INKLING-*"), ()) == kept


def test_a_field_takes_the_place_of_the_first_of_its_name_or_stands_last() -> None:
    assert _changed(RAW, (), (("X-a", "3"), ("New", "n"))) == (
        b"From: a@b\nBcc: c@d,\n e@f\nX-a: 3\nInkling-Owner: ana\nSubject: s\nNew: n\n\nbody"
    )


@pytest.mark.parametrize(
    ("raw", "out"),
    [
        (b"", b"N: v\r\n"),
        (b"A: b", b"A: b\r\nN: v\r\n"),
        (b"A: b\n", b"A: b\nN: v\n"),
        (b"\nbody", b"N: v\n\nbody"),
    ],
)
def test_a_header_without_an_end_gets_its_field(raw: bytes, out: bytes) -> None:
    assert _changed(raw, (), (("N", "v"),)) == out


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "a sentence that is much too long for one line, so that it must be folded somewhere near here",
        '"Grüße, Ana" <ana@demo.example>',
        "Ana Ö <a@b>, Ö B <b@c>",
        f"<{'x' * 200}@demo.example>",
        "報価" * 60,
    ],
)
def test_a_value_is_folded_and_encoded_so_that_others_read_it(value: str) -> None:
    written = fields.field("Subject", value)
    assert written.isascii()
    assert all(len(line) <= 78 or line.count(" ") == 1 for line in written.decode().splitlines())
    read = email.message_from_bytes(written + b"\r\n", policy=email.policy.default)
    assert (
        read["subject"] == value.replace('"', "") if "Grüße" in value else read["subject"] == value
    )


def test_a_value_cannot_bring_a_line() -> None:
    assert fields.field("X", "a\r\nBcc: b\0") == b"X: a Bcc: b\r\n"
