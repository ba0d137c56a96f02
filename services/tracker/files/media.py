"""As what a file is served: its own type where that can do no harm, bytes otherwise. Pure.

No type that a browser runs or draws from markup is on a list: neither HTML, SVG, XML nor scripts.
"""

from typing import Final

BYTES: Final = "application/octet-stream"

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_OPEN: Final = "application/vnd.oasis.opendocument."

PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What may be shown."""

FILES: Final = PICTURES | {
    "application/pdf",
    "application/rtf",
    "application/zip",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-outlook",
    f"{_OFFICE}wordprocessingml.document",
    f"{_OFFICE}spreadsheetml.sheet",
    f"{_OFFICE}presentationml.presentation",
    f"{_OPEN}text",
    f"{_OPEN}spreadsheet",
    f"{_OPEN}presentation",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "image/bmp",
    "image/heic",
    "image/tiff",
    "text/calendar",
    "text/csv",
    "text/plain",
    "text/vcard",
    "video/mp4",
    "video/mpeg",
    "video/quicktime",
    "video/webm",
}
"""What may be saved under its own type."""


def served(content_type: str) -> str:
    """Return the type of a file to be saved, without parameters."""
    essence = _essence(content_type)
    return essence if essence in FILES else BYTES


def shown(content_type: str) -> str | None:
    """Return the type of a picture to be shown, or None for what is no such picture."""
    essence = _essence(content_type)
    return essence if essence in PICTURES else None


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
