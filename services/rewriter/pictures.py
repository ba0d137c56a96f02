"""Decide of the pictures that a mail carries and shows (`cid:`) which are hosted, and where they are shown instead.

A picture is hosted only if its bytes begin as a PNG, JPEG, GIF or WebP does, whatever it is declared to be.
"""

import binascii
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import unescape
from typing import Final
from urllib.parse import unquote

from services.rewriter.attachments import AttachmentReason, FileRules
from services.rewriter.follow import FollowReason
from services.rewriter.html import CID, Edit, ValueSpot, replace_value, splice
from services.rewriter.mail import Mail


class PictureReason(StrEnum):
    """Why a file is not hosted as a picture: a closed list, stable at the doors."""

    NOT_SHOWN = "not_shown"
    NOT_A_PICTURE = "not_a_picture"

    @property
    def detail(self) -> str:
        """The reason as a sentence for the seller."""
        return _DETAILS[self]


_DETAILS: Final = {
    PictureReason.NOT_SHOWN: "No picture in the mail's text has this file's content id.",
    PictureReason.NOT_A_PICTURE: "Only PNG, JPEG, GIF and WebP pictures are hosted, whatever they are called.",
}

HostingReason = PictureReason | AttachmentReason | FollowReason

# As many characters of base64 as hold the bytes that tell pictures apart.
_HEAD_CHARACTERS: Final = 16
_WEBP: Final = re.compile(rb"RIFF....WEBP", re.DOTALL)
_SIGNATURES: Final = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_REFERENCE: Final = re.compile(r"cid:([^\s\"'<>()\\]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """What was decided of a mail's files as pictures, each by its index.

    `reasons` says of each why it is not hosted, None where it is; it is empty where nobody asked. `shown` are those
    that the HTML shows at all, `kept` those hosted that it also shows where no edit reaches; they stay attached.
    """

    reasons: tuple[HostingReason | None, ...] = ()
    spots: tuple[tuple[ValueSpot, int], ...] = ()
    shown: frozenset[int] = frozenset()
    kept: frozenset[int] = frozenset()

    @property
    def hosted(self) -> tuple[int, ...]:
        """The files that are hosted, in order."""
        return tuple(index for index, reason in enumerate(self.reasons) if reason is None)


def decide(
    mail: Mail, spots: Sequence[ValueSpot], rules: FileRules, message: FollowReason | None
) -> Pictures:
    """Decide of each file; `message` is what speaks against following the mail as a whole."""
    ids = {one.content_id: index for index, one in enumerate(mail.attachments) if one.content_id}
    named = [(spot, ids[name]) for spot in spots if (name := _name(spot.url)) in ids]
    beside = _beside(mail.html or "", [spot for spot, _ in named], ids) if ids else frozenset()
    replaceable = {index for _, index in named}
    reasons: tuple[HostingReason | None, ...] = ()
    if mail.hosts_pictures:
        reasons = tuple(
            message or _judge(mail, index, index in replaceable, rules)
            for index in range(len(mail.attachments))
        )
    hosted = {index for index, reason in enumerate(reasons) if reason is None}
    return Pictures(
        reasons=reasons,
        spots=tuple((spot, index) for spot, index in named if index in hosted),
        shown=beside | replaceable,
        kept=beside & hosted,
    )


def edits(pictures: Pictures, make: Callable[[int], str]) -> list[Edit]:
    """The edits that show each hosted picture from where `make` says."""
    return [replace_value(spot, make(index)) for spot, index in pictures.spots]


def media_type(content: str) -> str | None:
    """Tell from the first bytes of a base64 text which picture it is; None for anything else."""
    head = binascii.a2b_base64(content[:_HEAD_CHARACTERS])
    if _WEBP.match(head):
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES.items() if head.startswith(start)), None)


def _judge(mail: Mail, index: int, replaceable: bool, rules: FileRules) -> HostingReason | None:
    file = mail.attachments[index]
    if not replaceable:
        return PictureReason.NOT_SHOWN
    if media_type(file.content) is None:
        return PictureReason.NOT_A_PICTURE
    return rules.forbid(file)


def _beside(html: str, spots: Iterable[ValueSpot], ids: Mapping[str, int]) -> frozenset[int]:
    """The files that the HTML names anywhere else: in styles, in VML, in what only some mail programs read."""
    rest = unescape(splice(html, [Edit(spot.start, spot.end, "") for spot in spots]))
    names = {_name(CID + found[1]) for found in _REFERENCE.finditer(rest)}
    return frozenset(ids[name] for name in names if name in ids)


def _name(url: str) -> str:
    return unquote(url[len(CID) :])
