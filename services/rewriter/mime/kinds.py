"""What each part of a mail is: HTML or text that is shown, a file, or something left alone; and what forbids edits.

What is shown is decided as RFC 8621 §4.1.4 (JMAP) decides it, which wrote down what mail programs do, with one
difference: in `multipart/alternative` a name makes no attachment of a rendition.
"""

import re
from collections.abc import Generator, Iterator
from typing import Final

from services.rewriter.mime import words
from services.rewriter.mime.document import Trouble
from services.rewriter.mime.tree import Part

_SHOWN: Final = ("text/html", "text/plain")
_AMP: Final = "text/x-amp-html"
_CALENDAR: Final = "text/calendar"
_SMIME: Final = re.compile(r"application/(?:x-)?pkcs7-(mime|signature)")
_SMIME_NAMES: Final = {"smime.p7m": "mime", "smime.p7s": "signature"}
_ARMOR: Final = "-----BEGIN PGP "
_ARMORED: Final = (
    ("SIGNED MESSAGE-----", Trouble.PGP_SIGNED),
    ("MESSAGE-----", Trouble.PGP_ENCRYPTED),
)
# How many characters are searched at a time.
_STEP: Final = 2 * 1024 * 1024


def parts(part: Part) -> Iterator[Part]:
    """Give a part and all inside it, in order."""
    yield part
    for child in part.children:
        yield from parts(child)


def leaves(root: Part) -> Iterator[tuple[Part, bool]]:
    """Give the parts that hold no others, in order, each with whether it is shown as text or HTML."""
    return _leaves(root, 0, True)


def _leaves(part: Part, index: int, visible: bool) -> Iterator[tuple[Part, bool]]:
    if not part.children:
        yield part, visible and _is_shown(part, index)
        return
    visible = visible and not _is_attachment(part)
    first = root_of(part) if part.media == "multipart/related" else None
    for number, child in enumerate(part.children):
        yield from _leaves(child, number, visible and first in (None, child))


def root_of(related: Part) -> Part:
    """The part of a `multipart/related` that the others belong to: by `start`, else the first (RFC 2387)."""
    wanted = related.parameters.get("start", "").strip("<> ")
    named = (one for one in related.children if wanted and content_id(one) == wanted)
    return next(named, related.children[0])


def is_file(part: Part, shown: bool) -> bool:
    """Whether a part is a file that may be taken out of the mail: an attachment, or a picture that the HTML shows."""
    kind = part.media.partition("/")[0]
    if shown or part.doubtful or kind in ("message", "multipart") or part.media == _AMP:
        return False
    if _is_attachment(part):
        return True
    in_alternative = part.parent is not None and part.parent.media == "multipart/alternative"
    if in_alternative or (part.media == _CALENDAR and "method" in part.parameters):
        return False
    return kind != "text" or bool(name(part)) or content_id(part) is not None


def name(part: Part) -> str:
    """The name of a file, decoded; nothing where it has none."""
    said = part.disposition.parameters.get("filename") or part.parameters.get("name") or ""
    return words.decode(said).strip()


def content_id(part: Part) -> str | None:
    """The content id without the brackets, or None."""
    said = part.header.raw("content-id")
    return (said[0].strip().removeprefix("<").removesuffix(">").strip() or None) if said else None


def forbids(part: Part) -> Trouble | None:
    """Say what of a part, multiparts included, forbids to edit the mail: that it is signed or encrypted."""
    if part.media == "multipart/signed":
        return Trouble.MULTIPART_SIGNED
    if part.media == "multipart/encrypted":
        return Trouble.MULTIPART_ENCRYPTED
    if part.media == "application/pgp-encrypted":
        return Trouble.PGP_ENCRYPTED
    return _smime(part)


def forbids_text(text: str) -> Generator[None, None, Trouble | None]:
    """Say the same of the text of a part, in steps: OpenPGP may stand in it as such (RFC 9580 §6, §7)."""
    at = 0
    while at < len(text):
        found = text.find(_ARMOR, at, at + _STEP)
        if found < 0:
            at += _STEP - len(_ARMOR)
            yield
            continue
        begins = found == 0 or text[found - 1] in "\n>"
        for rest, trouble in _ARMORED:
            if begins and text.startswith(rest, found + len(_ARMOR)):
                return trouble
        at = found + len(_ARMOR)
    return None


def _smime(part: Part) -> Trouble | None:
    """S/MIME by type, or by name where a gateway lost the type (RFC 8551 §3.9).

    A file of another name that is attached (`contract.pdf.p7m`) is a signed file, not a signed mail.
    """
    called = name(part).lower()
    found = _SMIME.fullmatch(part.media)
    if found is not None and (
        part.parent is None or called in _SMIME_NAMES or not _is_attachment(part)
    ):
        kind = found[1]
    elif part.media == "application/octet-stream" and called in _SMIME_NAMES:
        kind = _SMIME_NAMES[called]
    else:
        return None
    said = part.parameters.get("smime-type", "").lower()
    if said == "certs-only":
        return None
    signed = kind == "signature" or said.startswith("signed")
    return Trouble.SMIME_SIGNED if signed else Trouble.SMIME_ENCRYPTED


def _is_shown(part: Part, index: int) -> bool:
    if part.media not in _SHOWN or part.untyped or _is_attachment(part):
        return False
    in_alternative = part.parent is not None and part.parent.media == "multipart/alternative"
    in_related = part.parent is not None and part.parent.media == "multipart/related"
    return index == 0 or in_alternative or in_related or not name(part)


def _is_attachment(part: Part) -> bool:
    """A disposition that nobody knows is to be treated as an attachment's (RFC 2183 §2.8)."""
    return part.disposition.token() not in ("", "inline")
