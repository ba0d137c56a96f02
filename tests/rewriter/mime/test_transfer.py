"""Transfer encodings: what they say, where it stands, and what is nearly an encoding."""

import binascii
import quopri
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rewriter.mime import steps, transfer
from tests.rewriter.mime import laws

PIECES = (
    b"=",
    b"=3D",
    b"=3d",
    b"=\n",
    b"= \t\r\n",
    b" ",
    b"\t",
    b"\n",
    b"\r\n",
    b"\r",
    b"=4",
    b"==",
    b"a",
    b"\xff",
    b"abcd",
)


def _decoded(raw: bytes, encoding: str) -> transfer.Source:
    return steps.run(transfer.decoding(raw, 0, len(raw), encoding))


@given(st.lists(st.sampled_from(PIECES)).map(b"".join))
@settings(max_examples=150)
def test_quoted_printable_is_read_as_the_rfc_says(raw: bytes) -> None:
    assert _decoded(raw, "quoted-printable").data == laws.unquoted(raw)
    assert b"".join(transfer.chunks(raw, 0, len(raw), "quoted-printable")) == laws.unquoted(raw)


@given(st.binary())
def test_what_python_encodes_is_read(data: bytes) -> None:
    # of bytes, Python writes a CR alone as one
    data = data.replace(b"\r", b"")
    assert _decoded(quopri.encodestring(data), "quoted-printable").data == data
    assert _decoded(b64encode(data), "base64").data == data


@given(st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join), st.data())
@settings(max_examples=150)
def test_what_stands_before_a_place_is_what_was_decoded_before_it(
    raw: bytes, data: st.DataObject
) -> None:
    source = _decoded(raw, "quoted-printable")
    at = data.draw(st.integers(0, len(source.data)))
    if source.data[max(0, at - 1) : at + 1] == b"\r\n":
        return  # no edit stands there
    place = steps.run(transfer.places(raw, source, [at]))[at]
    # A soft break keeps the blanks before it, as whatever is put there does.
    assert laws.unquoted(raw[:place] + b"=\n") == source.data[:at]


def test_a_long_text_is_read_in_stretches_and_every_place_is_found() -> None:
    raw = b"".join(b"line =C3=A9 %d=\r\n and=20\r\n" % number for number in range(4_000))
    source = _decoded(raw, "quoted-printable")
    assert source.data == laws.unquoted(raw)
    assert len(source.marks) > 3
    wanted = sorted(
        {
            0,
            len(source.data),
            *(mark for mark, _ in source.marks),
            *range(0, len(source.data), 1_000),
        }
    )
    places = steps.run(transfer.places(raw, source, wanted))
    assert [places[at] for at in wanted] == sorted(places.values())
    for at in wanted[:: len(wanted) // 20]:
        assert laws.unquoted(raw[: places[at]] + b"=\n") == source.data[:at]


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"QUJD\r\nREVG", b"ABCDEF"),
        (b"Q U!J\0D-_", b"ABC"),
        (b"QUI=", b"AB"),
        (b"QQ==", b"A"),
        (b"QQ=\r\n=", b"A"),
        (b"QQ", b"A"),
        (b"QUJDR", b"ABC"),
        (b"=QUJD", b"ABC"),
        (b"QU\xcaJD", b"ABC"),
        (b"====", b""),
        (b"", b""),
    ],
)
def test_base64_is_read_as_programs_do(raw: bytes, data: bytes) -> None:
    source = _decoded(raw, "base64")
    assert source.data == data
    assert source.sound == (raw not in (b"=QUJD", b"Q U!J\0D-_", b"QU\xcaJD"))
    assert steps.run(transfer.measuring(raw, 0, len(raw), "base64")) == len(data)


@given(st.binary(max_size=300), st.integers(1, 80), st.booleans())
def test_base64_ends_where_its_padding_does(data: bytes, width: int, goes_on: bool) -> None:
    letters = b64encode(data)
    raw = b"\n".join(letters[at : at + width] for at in range(0, len(letters), width))
    tail = b"\n-----\n" if goes_on else b" \r\n\n"
    source = _decoded(raw + tail, "base64")
    assert source.data == data
    assert source.sound is not goes_on
    if not goes_on or letters.endswith(b"="):
        assert source.end == len(raw)


def test_padding_across_the_steps_of_a_long_text_is_found() -> None:
    step = transfer._STEP
    for lead in range(step - 6, step + 2):
        letters = (
            b"QUJD" * (lead // 4) + b"QQ=="
            if lead % 4 == 0
            else b"\n" * (lead % 4) + b"QUJD" * (lead // 4) + b"QQ=="
        )
        source = _decoded(letters + b"\nlist", "base64")
        assert source.data == binascii.a2b_base64(letters)
        assert source.end == len(letters)
        assert not source.sound


def test_padding_in_the_midst_of_a_long_text_is_found() -> None:
    long = b"QUJD" * transfer._STEP
    for inside in (b"=", b"-", b"_", b"\xff"):
        assert not _decoded(long + inside + b"QUJD", "base64").sound
        assert not _decoded(inside + long, "base64").sound
    assert _decoded(long + b"\n" * transfer._STEP + b"QQ=\n=\n", "base64").sound
    assert _decoded(long + b".\n" + long, "base64").sound


@pytest.mark.parametrize("encoding", ["7bit", "8bit", "binary", "", "8-bit", "utf-8"])
def test_what_is_no_encoding_changes_nothing(encoding: str) -> None:
    assert transfer.readable(encoding)
    assert _decoded(b"a=3D\xff", encoding).data == b"a=3D\xff"


@pytest.mark.parametrize(
    "encoding", ["x-uuencode", "base64 or so", "quoted-printable\x00", "x-gzip64"]
)
def test_what_programs_read_differently_is_not_read(encoding: str) -> None:
    assert not transfer.readable(encoding)
