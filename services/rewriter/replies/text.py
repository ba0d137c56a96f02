"""Text out of bytes that anybody may have sent: encodings, charsets, encoded words, markup. Never an exception."""

import binascii
import re
import unicodedata
from html import unescape
from typing import Final

# Names of charsets that are cheap and safe to decode; Python knows others that are slow, or no text at all.
_CHARSET: Final = re.compile(
    r"(utf-?(8|7|16|32)([-_]?(le|be))?|(us-)?ascii|iso-?8859-[0-9]{1,2}|latin-?1|(windows-|cp)12[0-9]{2}|koi8-[ru]|"
    r"gb(2312|k|18030)|big5|euc-(jp|kr)|shift[_-]jis|iso-2022-(jp|kr)|ks_c_5601-1987|tis-620|macintosh)",
    re.ASCII | re.IGNORECASE,
)
# Programs say the smaller of two charsets and write the larger.
_MEANT: Final = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
}
_WORD: Final = re.compile(r"=\?([!->@-~]{1,60})\?([bq])\?([!->@-~]{0,2000})\?=", re.IGNORECASE)
_BETWEEN_WORDS: Final = re.compile(r"(\?=)[ \t\r\n]{1,80}(=\?)")
_BREAKS: Final = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^<>]{0,200}>", re.IGNORECASE)
_UNSEEN: Final = re.compile(r"<(style|script|head|blockquote)\b.*?(?:</\1\s*>|\Z)", re.I | re.S)
_TAG: Final = re.compile(r"<[^<>]{0,2000}>")
_BLANKS: Final = re.compile(r"[^\S\n]+")
_FALLBACK: Final = "latin-1"


def decode(raw: bytes, charset: str | None) -> str:
    """Decode by the charset named, else as UTF-8, else byte by byte; what cannot be read becomes U+FFFD."""
    name = (charset or "utf-8").strip().lower()
    if not _CHARSET.fullmatch(name):
        name = "utf-8"
    try:
        return raw.decode(_MEANT.get(name, name), "replace" if charset else "strict")
    except (LookupError, ValueError):
        return raw.decode(_FALLBACK)


def decode_transfer(raw: bytes, encoding: str | None) -> bytes:
    """Undo a content transfer encoding; what is not encoded as it says stays as it is."""
    match (encoding or "").strip().lower():
        case "base64":
            return _base64(raw)
        case "quoted-printable":
            return binascii.a2b_qp(raw)
        case _:
            return raw


def decode_words(header: str) -> str:
    """Decode the encoded words of a header (RFC 2047), and normalise it to NFC with single blanks."""
    joined = _BETWEEN_WORDS.sub(r"\1\2", header)
    decoded = _WORD.sub(lambda found: _word(found[1], found[2], found[3]), joined)
    return unicodedata.normalize("NFC", " ".join(decoded.split()))


def visible(html: str) -> str:
    """Take the text out of HTML as a reader would roughly see it, without what is quoted."""
    shown = _TAG.sub(" ", _BREAKS.sub("\n", _UNSEEN.sub(" ", html)))
    return _BLANKS.sub(" ", unescape(shown))


def _word(charset: str, encoding: str, payload: str) -> str:
    raw = payload.encode("ascii", "replace")
    if encoding in "bB":
        return decode(_base64(raw), charset.partition("*")[0])
    return decode(binascii.a2b_qp(raw.replace(b"_", b" ")), charset.partition("*")[0])


def _base64(raw: bytes) -> bytes:
    try:
        # a mail cut at our bound may end in the middle of a group
        alphabet = raw.translate(None, b" \t\r\n=")
        return binascii.a2b_base64(alphabet[: len(alphabet) - (len(alphabet) % 4 == 1)] + b"===")
    except binascii.Error:
        return raw
