"""Mailboxes in header fields: read from To, Cc, Bcc and From as people and programs write them, and written.

Read are names with or without quotes, encoded words (RFC 2047), comments, groups, bare addresses, routes that nobody
uses any more, and `;` for `,`. What cannot be read raises `Unreadable`, for nobody may be lost. One linear pass.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from schemas.personal import Mailbox
from services.rewriter.mime import words

# What may stand in a display name without quotes (RFC 5322 `atext` and blanks; RFC 6532 adds all beyond ASCII).
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ \t\u00a0-\U0010ffff-]+")
_SPECIAL: Final = re.compile(r'([\\"])')
_BACKSLASHED: Final = r"\\\1"
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_TOKEN: Final = re.compile(
    r'(?P<blank>\s++)|"(?P<quoted>(?:[^"\\]++|\\.)*)"|<(?P<angle>[^<>]*+)>|(?P<special>[,;:(])'
    r"|(?P<atom>(?:[^\s,;:()<>\"\[\]\\]++|\[[^\[\]\s]*+\])+)",
    re.DOTALL,
)
_COMMENT: Final = re.compile(r"\\.|[()]", re.DOTALL)
_COMMENTED: Final = re.compile(r"\([^()]*+\)")
_AROUND: Final = re.compile(r"\s*+([@.])\s*+")
_ROUTE: Final = re.compile(r"@[^:<>]*+:")
_QUOTED_LOCAL: Final = re.compile(r'"((?:[^"\\]|\\.)*)"@(.*)', re.DOTALL)
_DOT_ATOM: Final = re.compile(r"[^\s@<>()\[\],;:\\\".]+(?:\.[^\s@<>()\[\],;:\\\".]+)*")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# As much of a name as records keep.
NAME_CHARACTERS: Final = 256
# More than five hundred mailboxes with the longest addresses and names.
MAX_CHARACTERS: Final = 512 * 1024


class Unreadable(ValueError):
    """A field whose mailboxes nobody can tell for certain."""


def read(value: str) -> list[Mailbox]:
    """Read a field's value, unfolded and not decoded; raises `Unreadable`."""
    if len(value) > MAX_CHARACTERS:
        raise Unreadable("There are too many.")
    found: list[Mailbox] = []
    one = _One()
    for kind, text in _tokens(value):
        if kind == "special" and text == ":":
            one = _One()  # the name of a group; its members follow
        elif kind == "special":
            one.end(found)
            one = _One()
        else:
            one.take(kind, text)
    one.end(found)
    return found


def write(name: str | None, address: str) -> str:
    """Write a mailbox, the name in quotes where it must be."""
    if not name:
        return address
    quoted = name if _PLAIN_NAME.fullmatch(name) else f'"{_SPECIAL.sub(_BACKSLASHED, name)}"'
    return f"{quoted} <{address}>"


def shown(text: str) -> str:
    """Return a text from a header as records and answers show it: encoded words decoded, no controls."""
    return " ".join(_CONTROLS.sub(" ", words.decode(text)).split())


@dataclass(slots=True)
class _One:
    """What was read of one mailbox so far."""

    phrase: list[str] = field(default_factory=list)
    # Whether any piece of the phrase stood in quotes, and what stood between the pieces.
    bare: list[str] = field(default_factory=list)
    angle: str | None = None
    comment: str = ""

    def take(self, kind: str, text: str) -> None:
        if kind == "blank":
            self.bare.append(" ")
        elif kind == "comment":
            self.comment = self.comment or text
            self.bare.append(" ")
        elif self.angle is not None:
            raise Unreadable("Something stands between an address and the next comma.")
        elif kind == "angle":
            self.angle = text
        else:
            self.phrase.append(_ESCAPED.sub(r"\1", text) if kind == "quoted" else text)
            self.bare.append(f'"{text}"' if kind == "quoted" else text)

    def end(self, found: list[Mailbox]) -> None:
        if self.angle is not None:
            address = _AROUND.sub(r"\1", _ROUTE.sub("", _COMMENTED.sub("", self.angle).strip(), 1))
            name = " ".join(self.phrase) or self.comment
        elif self.phrase:
            address, name = _AROUND.sub(r"\1", "".join(self.bare).strip()), self.comment
        else:
            return
        found.append(Mailbox(address=_address(address), name=shown(name)[:NAME_CHARACTERS] or None))


def _tokens(value: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(value):
        token = _TOKEN.match(value, at)
        if token is None:
            raise Unreadable("A quote, a bracket or a backslash stands where none can stand.")
        kind = token.lastgroup or ""
        if token[0] == "(":
            end = _comment_end(value, at)
            yield "comment", value[at + 1 : end - 1]
            at = end
        else:
            yield kind, token[kind]
            at = token.end()


def _comment_end(value: str, at: int) -> int:
    depth = 0
    for mark in _COMMENT.finditer(value, at):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    raise Unreadable("A comment does not end.")


def _address(text: str) -> str:
    """Return an address as it is written without need: quotes around a plain left side are none of it."""
    quoted = _QUOTED_LOCAL.fullmatch(text)
    if quoted and _DOT_ATOM.fullmatch(local := _ESCAPED.sub(r"\1", quoted[1])):
        return f"{local}@{quoted[2]}"
    left, at, right = text.rpartition("@")
    if not (left and at and right):
        raise Unreadable("There is a name or word without an address, or an address without an @.")
    return text
