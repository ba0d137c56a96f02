"""Decide of each file of a mail whether it is followed. Following files is not built yet: all of them stay attached."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from services.rewriter.follow import FollowReason
from services.rewriter.mail import Attachment


class AttachmentReason(StrEnum):
    """Why a file stays attached in a followed mail: a closed list, stable at the doors and in the log."""

    NOT_REQUESTED = "not_requested"
    UNAVAILABLE = "unavailable"

    @property
    def detail(self) -> str:
        """The reason as a sentence for the seller."""
        return _DETAILS[self]


_DETAILS: Final = {
    AttachmentReason.NOT_REQUESTED: "You did not choose to follow this file.",
    AttachmentReason.UNAVAILABLE: "Following files is not available here; the file stays attached.",
}


def decide(
    attachments: Iterable[Attachment], message: FollowReason | None
) -> tuple[AttachmentReason | FollowReason, ...]:
    """Say why each file stays attached; `message` is what speaks against the mail as a whole."""
    return tuple(
        (message or AttachmentReason.UNAVAILABLE) if one.wanted else AttachmentReason.NOT_REQUESTED
        for one in attachments
    )
