"""Decide of the pictures that a mail carries and shows (`cid:`) which are hosted, and where they are shown instead.

A picture is hosted only if its bytes begin as a PNG, JPEG, GIF or WebP does, whatever it is declared to be.
"""

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
from services.rewriter.mail import Attachment, Mail


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
    `spots` are where hosted ones stand, for each text of the mail in turn.
    """

    reasons: tuple[HostingReason | None, ...] = ()
    spots: tuple[tuple[tuple[ValueSpot, int], ...], ...] = ()
    shown: frozenset[int] = frozenset()
    kept: frozenset[int] = frozenset()

    @property
    def hosted(self) -> tuple[int, ...]:
        """The files that are hosted, in order."""
        return tuple(index for index, reason in enumerate(self.reasons) if reason is None)


def decide(
    mail: Mail,
    spots: Sequence[Sequence[ValueSpot]],
    rules: FileRules,
    message: FollowReason | None,
) -> Pictures:
    """Decide of each file; `message` is what speaks against following the mail as a whole.

    `spots` are those found in each HTML text of the mail.
    """
    ids = {one.content_id: index for index, one in enumerate(mail.attachments) if one.content_id}
    named: list[list[tuple[ValueSpot, int]]] = []
    beside: set[int] = set()
    if ids:
        for html, found in zip(mail.bodies, spots, strict=True):
            named.append([(spot, ids[name]) for spot in found if (name := _name(spot.url)) in ids])
            beside |= _beside(html, [spot for spot, _ in named[-1]], ids)
    replaceable = {index for one in named for _, index in one}
    reasons: tuple[HostingReason | None, ...] = ()
    if mail.hosts_pictures:
        reasons = tuple(
            message or _judge(one, index in replaceable, rules)
            for index, one in enumerate(mail.attachments)
        )
    hosted = {index for index, reason in enumerate(reasons) if reason is None}
    return Pictures(
        reasons=reasons,
        spots=tuple(tuple((spot, index) for spot, index in one if index in hosted) for one in named)
        if hosted
        else (),
        shown=frozenset(beside | replaceable),
        kept=frozenset(beside & hosted),
    )


def edits(spots: Iterable[tuple[ValueSpot, int]], make: Callable[[int], str]) -> list[Edit]:
    """The edits that show each hosted picture of a text from where `make` says."""
    return [replace_value(spot, make(index)) for spot, index in spots]


def media_type(file: Attachment) -> str | None:
    """Tell from the first bytes of a file which picture it is; None for anything else."""
    head = file.head()
    if _WEBP.match(head):
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES.items() if head.startswith(start)), None)


def _judge(file: Attachment, replaceable: bool, rules: FileRules) -> HostingReason | None:
    if not replaceable:
        return PictureReason.NOT_SHOWN
    if media_type(file) is None:
        return PictureReason.NOT_A_PICTURE
    return rules.forbid(file)


def _beside(html: str, spots: Iterable[ValueSpot], ids: Mapping[str, int]) -> set[int]:
    """The files that the HTML names anywhere else: in styles, in VML, in what only some mail programs read."""
    rest = unescape(splice(html, [Edit(spot.start, spot.end, "") for spot in spots]))
    names = {_name(CID + found[1]) for found in _REFERENCE.finditer(rest)}
    return {ids[name] for name in names if name in ids}


def _name(url: str) -> str:
    return unquote(url[len(CID) :])
