"""Decide of each file of a mail whether it is followed, and say why it stays attached if it is not."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.rewriter.follow import FollowReason
from services.rewriter.mail import Attachment

# As many as the record of a prepared mail takes (`message.prepared.v1`).
MAX_FILES: Final = 100


class AttachmentReason(StrEnum):
    """Why a file stays attached in a followed mail: a closed list, stable at the doors and in the log."""

    NOT_REQUESTED = "not_requested"
    FILE_DAMAGED = "file_damaged"
    FILE_TOO_LARGE = "file_too_large"
    FILE_TYPE_FORBIDDEN = "file_type_forbidden"
    SHOWN_IN_MAIL = "shown_in_mail"
    TOO_MANY_FILES = "too_many_files"

    @property
    def detail(self) -> str:
        """The reason as a sentence for the seller."""
        return _DETAILS[self]


_DETAILS: Final = {
    AttachmentReason.NOT_REQUESTED: "You did not choose to follow this file.",
    AttachmentReason.FILE_DAMAGED: (
        "Mail programs may read this file in different ways, so it stays attached as it is."
    ),
    AttachmentReason.FILE_TOO_LARGE: (
        "The file is larger than your organization lets files be stored; it stays attached."
    ),
    AttachmentReason.FILE_TYPE_FORBIDDEN: (
        "Your organization does not let files of this type be stored; it stays attached."
    ),
    AttachmentReason.SHOWN_IN_MAIL: (
        "The mail shows this picture in its text, so it is no file to download."
    ),
    AttachmentReason.TOO_MANY_FILES: "Only the first 100 files of a mail can be followed.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """What the tenant has decided of files: the largest, what types not (`a/b`, `a/*`, `.ext`), for how many days."""

    max_bytes: int | None = None
    forbidden_types: tuple[str, ...] = ()
    days: int | None = None

    def forbid(self, file: Attachment) -> AttachmentReason | None:
        """Say what forbids to store a file: that it is damaged, its size, declared type, or the end of its name."""
        if file.part is not None and not file.part.exact:
            return AttachmentReason.FILE_DAMAGED
        if self.max_bytes is not None and file.size > self.max_bytes:
            return AttachmentReason.FILE_TOO_LARGE
        media = file.content_type.partition(";")[0].strip().lower()
        # Windows ignores blanks and dots at the end of a name.
        name = file.name.lower().rstrip(". \t\u00a0")
        if any(_matches(one.lower(), media, name) for one in self.forbidden_types):
            return AttachmentReason.FILE_TYPE_FORBIDDEN
        return None


def decide(
    attachments: Iterable[Attachment],
    rules: FileRules,
    message: FollowReason | None,
    shown: Collection[int] = (),
) -> tuple[AttachmentReason | FollowReason | None, ...]:
    """Say of each file why it is not followed, None where it is.

    `message` is what speaks against the mail as a whole; `shown` are the files that its text shows as pictures.
    """
    return tuple(
        AttachmentReason.TOO_MANY_FILES
        if one.wanted and message is None and index >= MAX_FILES
        else _decide(one, rules, message, index in shown)
        for index, one in enumerate(attachments)
    )


def _decide(
    file: Attachment, rules: FileRules, message: FollowReason | None, shown: bool
) -> AttachmentReason | FollowReason | None:
    if not file.wanted:
        return AttachmentReason.NOT_REQUESTED
    if message is not None:
        return message
    if shown:
        return AttachmentReason.SHOWN_IN_MAIL
    return rules.forbid(file)


def _matches(forbidden: str, media: str, name: str) -> bool:
    if forbidden.startswith("."):
        return name.endswith(forbidden)
    if forbidden.endswith("/*"):
        return media.startswith(forbidden[:-1])
    return media == forbidden
