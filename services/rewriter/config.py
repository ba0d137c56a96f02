"""What the rewriter is told by its environment."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from schemas import token
from schemas.token import KeyRing
from services.runtime import parsers
from services.runtime.config import (
    AccessConfig,
    DoorConfig,
    KafkaConfig,
    ProcessConfig,
    doors,
    group,
    setting,
)
from services.runtime.objects import ObjectsConfig
from services.runtime.parsers import Parser

PORT: Final = 7410
RECIPIENT_KEY_BYTES: Final = 32
_TRACKING_URL_CHARACTERS: Final = 255
_URL: Final = parsers.url("http", "https")


def _tracking_url(written: str) -> str:
    found = urlsplit(_URL.parse(written))
    if found.query or "@" in found.netloc or len(written) > _TRACKING_URL_CHARACTERS:
        raise ValueError("must have no user, no query and at most 255 characters")
    return written.rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of it."""

    process: ProcessConfig = group(ProcessConfig)
    doors: DoorConfig = doors(PORT)
    kafka: KafkaConfig = group(KafkaConfig)
    access: AccessConfig = group(AccessConfig)
    objects: ObjectsConfig = group(ObjectsConfig)
    tracking_url: str = setting(
        "INKLING_REWRITER_TRACKING_URL",
        Parser(_URL.kind, _tracking_url),
        help="where tracking links lead for tenants without a tracking domain of their own",
    )
    token_keys: KeyRing = setting(
        "INKLING_TOKEN_KEYS",
        Parser(parsers.numbered_keys(token.KEY_BYTES, range(16)).kind, token.key_ring),
        help="the keys of tokens; the first signs, all of them verify",
        secret=True,
    )
    # Losing it makes every recipient a stranger; so it is never rotated.
    recipient_key: bytes = setting(
        "INKLING_REWRITER_RECIPIENT_KEY",
        parsers.secret_hex(RECIPIENT_KEY_BYTES),
        help="the key that hashes addresses; never change it, or every recipient becomes another",
        secret=True,
    )
