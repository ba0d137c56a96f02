"""Charsets: which is chosen, what it reads, and where its characters stand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rewriter.mime import charset, steps

CODECS = (
    "utf-8",
    "cp1252",
    "gb18030",
    "big5hkscs",
    "cp932",
    "euc_jp",
    "cp949",
    "utf-16-le",
    "utf-16-be",
)
JAPANESE = "iso2022_jp_ext"
LETTERS = 'aé李이あｱ\N{GRINNING FACE}<"\n 㐀'


@pytest.mark.parametrize(
    ("declared", "data", "codec"),
    [
        ("UTF-8", b"\xff", "utf-8"),
        ("utf8", b"", "utf-8"),
        ("ISO-8859-1", b"\x80", "cp1252"),
        ("GB2312", b"", "gb18030"),
        ("Shift_JIS", b"", "cp932"),
        ("ks_c_5601-1987", b"", "cp949"),
        # said to be ASCII and is not
        ("us-ascii", b"abc", "cp1252"),
        ("us-ascii", "é".encode(), "utf-8"),
        ("us-ascii", b"\xe9", "cp1252"),
        # nothing said, or nothing known
        (None, "é".encode(), "utf-8"),
        (None, b"\xe9", "cp1252"),
        ("x-nonsense", "é".encode(), "utf-8"),
        ("x-nonsense", b'<meta charset="koi8-r">\xe9', "koi8_r"),
        (None, b"<META http-equiv=Content-Type content='text/html; charset=big5'>", "big5hkscs"),
        (None, b"<meta charset=utf-16>", "utf-8"),
        # the header wins
        ("koi8-r", b'<meta charset="utf-8">', "koi8_r"),
        # a mark wins over both
        ("utf-8", b"\xff\xfea\0", "utf-16-le"),
        ("utf-16", b"\xfe\xff\0a", "utf-16-be"),
        ("iso-8859-1", b"\xef\xbb\xbfa", "utf-8"),
        ("us-ascii", b"\xef\xbb\xbf\xc3\xa4", "utf-8"),
        (None, b"\xef\xbb\xbf<meta charset=koi8-r>\xc3\xa4", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf\xff", "utf-8"),
        ("iso-8859-1", b"\xef\xbb\xbf\xc3\xa4", None),
        ("utf-16", b"\0<\0b", "utf-16-be"),
        ("utf-16", b"a\0<\0", "utf-16-le"),
        ("utf-16", b"<p>a\0b</p>", None),
        ("utf-16", b"", "utf-16-le"),
        ("utf-16le", b"<p>x</p>", None),
        # nothing can be edited in
        ("utf-32", b"", None),
        ("utf-7", b"", None),
        ("hz-gb-2312", b"", None),
        ("iso-2022-kr", b"", None),
        ("ISO-2022-CN-EXT", b"", None),
        ("iso-2022-jp-2004", b"", None),
        ("IBM1047", b"", None),
        ("cp037", b'<meta charset="utf-8">', None),
        ("EBCDIC-CP-US", b"", None),
        ("x-nonsense", b"<meta charset=utf-7>", None),
        ("utf-32", b"\xff\xfe\0\0a\0\0\0", None),
        (None, b"\xff\xfe\0\0a\0\0\0", None),
        ("utf-8", b"\0\0\xfe\xff\0\0\0a", None),
    ],
)
def test_the_charset_that_is_chosen(declared: str | None, data: bytes, codec: str | None) -> None:
    assert steps.run(charset.choosing(declared, data, html=True)) == codec


def test_a_text_in_utf_16_has_an_end_of_a_line_at_least() -> None:
    found = [
        steps.run(charset.choosing("utf-16be", one.encode("utf-16-be"), html=False))
        for one in ("你好\n", "你好", "")
    ]
    assert found == ["utf-16-be", None, "utf-16-be"]


def test_meta_says_nothing_of_plain_text() -> None:
    assert steps.run(charset.choosing(None, b'<meta charset="koi8-r">', html=False)) == "utf-8"


def test_half_a_character_is_none() -> None:
    assert charset.told(b"+2AA-+2AHcAA-", "utf-7") == "\ufffd\U00010400"


@given(st.sampled_from([*CODECS, JAPANESE]), st.text(LETTERS), st.data())
@settings(max_examples=100)
def test_offsets_are_where_the_characters_stand(codec: str, text: str, data: st.DataObject) -> None:
    raw = text.encode(codec, "replace")
    text = raw.decode(codec)
    at = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=2)))
    decoded = steps.run(charset.decoding(raw, codec))
    assert decoded.text == text
    [(start, end)] = steps.run(charset.offsets(decoded, raw, [(at[0], at[1])]))
    if codec != JAPANESE:
        assert raw[:start].decode(codec) == text[: at[0]]
        assert raw[end:].decode(codec) == text[at[1] :]
    [(start, end, markup)] = charset.shifted(raw, [(start, end, b"xy")], codec)
    if not codec.startswith("utf-16"):
        edited = raw[:start] + markup + raw[end:]
        assert edited.decode(codec) == text[: at[0]] + "xy" + text[at[1] :]


PIECES = (
    b"a",
    b'"',
    b"\n",
    b"\x81",
    b"\xff",
    b"\x30",
    b"\x1b$B",
    b"\x1b(B",
    b"\x1b(J",
    b"\x1b",
    b"\x1b(",
    b"\xd8\x00",
)


@given(
    st.sampled_from([*CODECS, JAPANESE]),
    st.lists(st.sampled_from(PIECES) | st.binary(max_size=3)).map(b"".join),
    st.data(),
)
@settings(max_examples=150)
def test_bytes_that_are_none_survive_beside_an_edit(
    codec: str, raw: bytes, data: st.DataObject
) -> None:
    decoded = steps.run(charset.decoding(raw, codec))
    assert not any("\ud800" <= one <= "\udfff" for one in decoded.text)
    places = [at for at, one in enumerate(decoded.text) if one in 'a"\n']
    if not places:
        return
    at = data.draw(st.sampled_from(places))
    [(start, end)] = steps.run(charset.offsets(decoded, raw, [(at, at)]))
    assert start == end
    markup = charset.encode("<xy>", codec, html=True)
    [(start, end, markup)] = charset.shifted(raw, [(start, end, markup)], codec)
    edited = raw[:start] + markup + raw[end:]
    assert steps.run(charset.decoding(edited, codec)).text == (
        decoded.text[:at] + "<xy>" + decoded.text[at:]
    )


def test_what_a_charset_lacks_is_a_reference_in_html_and_a_question_mark_in_text() -> None:
    assert charset.encode("é李", "cp1252", html=True) == b"&#233;&#26446;"
    assert charset.encode("é李", "cp1252", html=False) == b"\xe9?"
    assert charset.encode("é", "utf-16-le", html=True) == b"\xe9\0"


@pytest.mark.parametrize(
    ("data", "sure"),
    [
        (b"a \x1b$B$3\x1b(B b", True),
        (b"a \x1b$B$3\x1b(J b\x1b(I1\x1b(B", True),
        # half a character, a shift that nobody knows, and one that is cut off
        (b"a \x1b$B$\x1b(B b", False),
        (b"a \x1b$X$3\x1b(B b", False),
        (b"a \x1b$B$3\x1b(\xaf b", False),
        (b"a \x1b$B$3\n\x1b(B b", False),
        (b"a \x1b$(D$3\t$3\x1b(B b", False),
        (b"", True),
    ],
)
def test_broken_shifts_are_read_by_each_program_in_its_own_way(data: bytes, sure: bool) -> None:
    decoded = steps.run(charset.decoding(data, JAPANESE))
    assert steps.run(charset.is_sure(decoded, data)) is sure
    plain = steps.run(charset.decoding(data, "utf-8"))
    assert steps.run(charset.is_sure(plain, data))
