"""Encoded words in header values (RFC 2047): read leniently, written strictly."""

import binascii
import re
from typing import Final

from services.rewriter.mime import charset, charset_names

_WORD: Final = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?([^?\n]*+)\?=")
_ALPHABET: Final = re.compile(r"[^A-Za-z0-9+/]+")
_CONTROLS: Final = dict.fromkeys(map(ord, "\0\r\n"), " ")
_SAFE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
# RFC 2047 §2: an encoded word has at most 75 characters, a line 76; so one fits behind a name. Twelve frame it.
_PAYLOAD: Final = 60 - 12


def decode(value: str) -> str:
    """Decode the encoded words of a value; what is none, or cannot be read, stays as it is."""
    pieces: list[str] = []
    pending: tuple[str, bytes] | None = None
    at = 0
    for found in _WORD.finditer(value):
        between = value[at : found.start()]
        payload = _payload(found[2], found[3])
        codec = charset_names.find(found[1].partition("*")[0])
        if payload is None or codec is None:
            continue
        if pending is not None and not between.strip():
            # Words side by side may share one character, if they are of one charset.
            if pending[0] == codec:
                pending = (codec, pending[1] + payload)
            else:
                pieces.append(_text(pending))
                pending = (codec, payload)
        else:
            pieces += [*([_text(pending)] if pending else []), between]
            pending = (codec, payload)
        at = found.end()
    if pending is not None:
        pieces.append(_text(pending))
    return "".join([*pieces, value[at:]])


def encode(text: str) -> list[str]:
    """Encode a text as UTF-8 words, each of whole characters and no longer than a word may be."""
    made: list[str] = []
    payload = ""
    for character in text:
        encoded = "".join(
            "_" if byte == 0x20 else chr(byte) if byte in _SAFE else f"={byte:02X}"
            for byte in character.encode("utf-8", "replace")
        )
        if len(payload) + len(encoded) > _PAYLOAD:
            made.append(payload)
            payload = ""
        payload += encoded
    return [f"=?utf-8?q?{one}?=" for one in [*made, payload] if one]


def _payload(encoding: str, text: str) -> bytes | None:
    raw = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(raw.replace(b"_", b"=20"))
    alphabet = _ALPHABET.sub("", text)
    if len(alphabet) % 4 == 1:
        return None
    return binascii.a2b_base64(alphabet + "===")


def _text(pending: tuple[str, bytes]) -> str:
    codec, payload = pending
    # An encoded line end is none: no value may grow a line.
    return charset.told(payload, codec).translate(_CONTROLS)
