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
class DirectoryConfig:
    """Where to ask who is what, by address, when a call does not say it (`docs/directory.md`)."""

    url: str | None = setting(
        "INKLING_REWRITER_DIRECTORY_URL",
        parsers.optional(_URL),
        default="",
        help="where to ask who is what, by address, when a call does not say it; without it nobody is asked",
    )
    token: str | None = setting(
        "INKLING_REWRITER_DIRECTORY_TOKEN",
        parsers.optional(parsers.text()),
        default="",
        help="sent to the directory as a bearer token",
        secret=True,
    )
    seconds: float = setting(
        "INKLING_REWRITER_DIRECTORY_SECONDS",
        parsers.seconds(0.01, 10.0),
        default="0.5",
        help="how long a mail waits for the directory",
    )
    cache_seconds: float = setting(
        "INKLING_REWRITER_DIRECTORY_CACHE_SECONDS",
        parsers.seconds(0.0, 86_400.0),
        default="300",
        help="how long an answer of the directory holds, also that it does not know an address",
    )
    cache_entries: int = setting(
        "INKLING_REWRITER_DIRECTORY_CACHE_ENTRIES",
        parsers.integer(0, 1_000_000),
        default="20000",
        help="how many answers of the directory are held, some 500 bytes each",
    )
    away: str = setting(
        "INKLING_REWRITER_DIRECTORY_AWAY",
        parsers.choice("other", "unavailable"),
        default="other",
        help="while the directory does not answer: `other`, mail goes on and whoever it should have named is not "
        "followed; `unavailable`, mail is refused with 503, or passes untouched where the caller asked for that",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of it."""

    process: ProcessConfig = group(ProcessConfig)
    doors: DoorConfig = doors(PORT)
    kafka: KafkaConfig = group(KafkaConfig)
    access: AccessConfig = group(AccessConfig)
    objects: ObjectsConfig = group(ObjectsConfig)
    directory: DirectoryConfig = group(DirectoryConfig)
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
