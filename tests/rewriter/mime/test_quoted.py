"""Edits in quoted-printable: nothing beside them changes, and no line grows past its limit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rewriter.mime import quoted, steps, transfer
from services.rewriter.mime.fields import Replacement
from tests.rewriter.mime import laws

PIECES = (
    b"=3D",
    b"=C3=A9",
    b"=\r\n",
    b"= \r\n",
    b" ",
    b"\t",
    b"\r\n",
    b"a",
    b"word ",
    b"x" * 40,
    b"\xff",
    b"--",
    b"=",
    b"4",
)
MARKUP = st.sampled_from(
    [
        b"",
        b"<img>",
        b"http://x.example/?a=b",
        b" ",
        b"a ",
        b"\r\nmore",
        b"\xc3\xa9",
        b"y" * 300,
        b".",
        b"-",
        b"From x",
        b"41",
    ]
)


def _spliced(raw: bytes, edits: list[Replacement]) -> bytes | None:
    """Carry out edits of what the bytes say; None where the part would have to be encoded anew."""
    source = steps.run(transfer.decoding(raw, 0, len(raw), "quoted-printable"))
    at = sorted({one for start, end, _ in edits for one in (start, end)})
    places = steps.run(transfer.places(raw, source, at))
    there = [(places[start], places[end], markup) for start, end, markup in edits]
    made = steps.run(quoted.splicing(raw, 0, len(raw), there, b"\r\n"))
    for start, end, text in reversed(made or []):
        raw = raw[:start] + text + raw[end:]
    return None if made is None else raw


@st.composite
def edited(draw: st.DrawFn) -> tuple[bytes, list[Replacement]]:
    raw = b"".join(draw(st.lists(st.sampled_from(PIECES), max_size=25)))
    data = laws.unquoted(raw)
    inside = [at for at in range(len(data) + 1) if data[max(0, at - 1) : at + 1] != b"\r\n"]
    at = sorted(draw(st.lists(st.sampled_from(inside), max_size=6)))
    return raw, [(start, end, draw(MARKUP)) for start, end in zip(at[::2], at[1::2], strict=False)]


@given(edited())
@settings(max_examples=120)
def test_what_is_read_is_what_was_there_but_for_the_edits(
    case: tuple[bytes, list[Replacement]],
) -> None:
    raw, edits = case
    data = laws.unquoted(raw)
    for start, end, markup in reversed(edits):
        data = data[:start] + markup + data[end:]
    out = _spliced(raw, edits)
    if out is None:
        return
    assert laws.unquoted(out) == data
    assert laws._longest(out) <= max(76, laws._longest(raw) + 1)


@given(st.lists(st.sampled_from([*PIECES, b"\n", b"\r", b"\0", b".", b"From a"])).map(b"".join))
def test_a_whole_text_is_encoded_within_its_lines(data: bytes) -> None:
    out = b"".join(quoted.encode(data, b"\r\n"))
    assert laws.unquoted(out) == data
    assert laws._longest(out) <= 76
    assert not any(line.startswith((b"--", b"From ", b".")) for line in out.split(b"\n"))


@pytest.mark.parametrize("raw", [b'<a href==\n"x">', b"a=4", b"a="])
def test_where_an_equals_sign_dangles_the_part_is_encoded_anew(raw: bytes) -> None:
    data = laws.unquoted(raw)
    place = data.index(b"=") + 1 if b"=" in data else len(data)
    assert _spliced(raw, [(place, place, b"41")]) is None or b"=" not in data


def test_a_line_that_is_far_too_long_is_encoded_anew() -> None:
    assert _spliced(b"x" * 997, [(997, 997, b"<img>")]) == b"x" * 997 + b"=\r\n<img>"
    assert _spliced(b"x" * 998, [(998, 998, b"<img>")]) is None


def test_the_bytes_around_stay_even_if_they_could_be_written_better() -> None:
    raw = b'<p>=c3=a9 =41 \xff <a href=3D"old">x</a>  \r\n</p>'
    data = laws.unquoted(raw)
    at = data.index(b"old")
    out = _spliced(raw, [(at, at + 3, b"http://new.example/?a=b")])
    assert out == raw.replace(b"old", b"http://new.example/?a=3Db")
