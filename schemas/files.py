"""What lies in the object store: for each followed file or hosted picture its content, and its metadata beside it.

The rewriter writes them, the tracker serves them. Keys are made of ids only; names stand in the metadata.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.identity import MessageId, Tenant
from schemas.instant import Instant

MEDIA_TYPE: Final = "application/json"


class FileKind(StrEnum):
    """A file offered for download, or a picture shown in the mail."""

    ATTACHMENT = "attachment"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """The metadata of one file: `digest` is the SHA-256 of the content in hexadecimal, `size` its bytes.

    `owner` is the seller who may withdraw it, the `sub` of their token.
    Written with `schemas.codec`. A withdrawn file has no content any more; an expired one may still have it.
    """

    name: str
    content_type: str
    size: int
    digest: str
    stored_at: Instant
    expires_at: Instant | None = None
    withdrawn_at: Instant | None = None
    owner: str | None = None

    def gone(self, now: Instant) -> bool:
        """Whether it is withdrawn or expired."""
        return self.withdrawn_at is not None or (
            self.expires_at is not None and self.expires_at <= now
        )


def _folder(tenant: Tenant, message: MessageId, kind: FileKind, index: int) -> str:
    return f"{tenant}/{message}/{kind}-{index}"


def content_key(tenant: Tenant, message: MessageId, kind: FileKind, index: int) -> str:
    """Name the object that holds a file's bytes."""
    return f"{_folder(tenant, message, kind, index)}/content"


def metadata_key(tenant: Tenant, message: MessageId, kind: FileKind, index: int) -> str:
    """Name the object that holds a file's `StoredFile` as JSON; written last, so a file without it is not there."""
    return f"{_folder(tenant, message, kind, index)}/metadata.json"
