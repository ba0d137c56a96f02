import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.replies import text


@pytest.mark.parametrize(
    ("raw", "charset", "expected"),
    [
        (b"abc", None, "abc"),
        ("Grüße".encode(), "UTF-8", "Grüße"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        ("Grüße".encode("latin-1"), None, "Grüße"),
        ("Grüße".encode("latin-1"), "utf-8", "Gr\ufffd\ufffde"),
        ("自動".encode("gb18030"), " GB2312 ", "自動"),
        (b"\x93ok\x94", "windows-1252", "\u201cok\u201d"),
        (b"abc", "hex", "abc"),
        (b"abc", "no\0charset", "abc"),
        (b"abc", "iso-8859-99", "abc"),
    ],
)
def test_bytes_are_decoded_as_they_say_or_at_least_readably(
    raw: bytes, charset: str | None, expected: str
) -> None:
    assert text.decode(raw, charset) == expected


@pytest.mark.parametrize(
    ("raw", "encoding", "expected"),
    [
        (b"QUJD\nREVG", "base64", b"ABCDEF"),
        (b"QUJDRA==", " Base64 ", b"ABCD"),
        (b"QUJDR", "base64", b"ABC"),
        (b"a=3Db=\nc", "quoted-printable", b"a=bc"),
        (b"a=3D", "8bit", b"a=3D"),
        (b"a", None, b"a"),
        (b"\xff\xfe!", "base64", b""),
    ],
)
def test_a_transfer_encoding_is_undone(raw: bytes, encoding: str | None, expected: bytes) -> None:
    assert text.decode_transfer(raw, encoding) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?R=C3=A9ponse_automatique?=", "Réponse automatique"),
        ("=?UTF-8?B?UsOpcG9uc2U=?=\t =?utf-8?Q?_automatique?= : x", "Réponse automatique : x"),
        ("=?iso-8859-1*fr?Q?R=E9ponse?=", "Réponse"),
        ("=?x-none?b?QUJD?=", "ABC"),
        ("Re\u0301ponse  x", "Réponse x"),
        ("=?utf-8?q?broken", "=?utf-8?q?broken"),
    ],
)
def test_encoded_words_are_decoded(header: str, expected: str) -> None:
    assert text.decode_words(header) == expected


def test_of_html_only_what_a_reader_sees_is_left() -> None:
    html = "<head><style>p{}</style></head><p>a &amp; b</p>c<br/>d<blockquote>old</blockquote> e"
    assert text.visible(html).split() == ["a", "&", "b", "c", "d", "e"]
    assert "\n" in text.visible("a<br>b")


@given(st.binary(max_size=300), st.text(max_size=20) | st.none())
def test_nothing_raises(raw: bytes, name: str | None) -> None:
    text.decode(raw, name)
    for encoding in ("base64", "quoted-printable", name):
        text.decode_transfer(raw, encoding)
    text.decode_words(text.decode(raw, None))
    text.visible(text.decode(raw, None))
