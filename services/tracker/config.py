"""What the tracker is told by its environment."""

import re
from dataclasses import dataclass
from typing import Final

from schemas import token
from schemas.token import KeyRing
from services.runtime import parsers
from services.runtime.config import DoorConfig, KafkaConfig, ProcessConfig, doors, group, setting
from services.runtime.objects import ObjectsConfig
from services.runtime.parsers import Network, Parser

PORT: Final = 7400
_EDGE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def _edge(written: str) -> str:
    # it becomes a segment of the events' `source`, which is a URI reference
    if not _EDGE.fullmatch(written):
        raise ValueError("must be 1 to 64 letters, digits, dots, hyphens or underscores")
    return written


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of it."""

    process: ProcessConfig = group(ProcessConfig)
    doors: DoorConfig = doors(PORT)
    kafka: KafkaConfig = group(KafkaConfig)
    objects: ObjectsConfig = group(ObjectsConfig)
    edge: str = setting(
        "INKLING_TRACKER_EDGE",
        Parser("a name", _edge),
        default="edge-1",
        help="what this edge is called in the events it records",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        "INKLING_TRACKER_TRUSTED_PROXIES",
        parsers.cidrs(),
        default="",
        help="the proxies whose X-Forwarded-For is believed",
    )
    token_keys: KeyRing = setting(
        "INKLING_TOKEN_KEYS",
        Parser(parsers.numbered_keys(token.KEY_BYTES, range(16)).kind, token.key_ring),
        help="the keys of tokens; the first signs, all of them verify",
        secret=True,
    )
