"""What the tracker is told by its environment."""

import re
from dataclasses import dataclass
from pathlib import Path
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


def _folder(written: str) -> Path:
    if not written.startswith("/") or not written.isprintable():
        raise ValueError("must be the absolute path of a folder")
    return Path(written)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolConfig:
    """Where hits are kept while Kafka does not take them, how many and for how long; of each process."""

    folder: Path = setting(
        "INKLING_TRACKER_SPOOL",
        Parser("the absolute path of a folder", _folder),
        help="the folder of the spool, on a disk that outlives the process; each process has a folder of its own in it",
    )
    max_bytes: int = setting(
        "INKLING_TRACKER_SPOOL_MAX_BYTES",
        parsers.integer(1_048_576, 10**15),
        default="4294967296",
        help="how large the spool of one process may grow; beyond, hits are refused with 503, never deleted",
    )
    tenant_percent: int = setting(
        "INKLING_TRACKER_SPOOL_TENANT_PERCENT",
        parsers.integer(1, 100),
        default="25",
        help="the part of the spool that the hits of one tenant may fill",
    )
    max_age_seconds: float = setting(
        "INKLING_TRACKER_SPOOL_MAX_AGE_SECONDS",
        parsers.seconds(1, 518_400),
        default="432000",
        help="how old a hit may be when it is replayed; older ones are put aside, since they could be counted twice."
        " At most a day less than the window within which the projector tells repetitions apart",
    )
    segment_bytes: int = setting(
        "INKLING_TRACKER_SPOOL_SEGMENT_BYTES",
        parsers.integer(4_096, 1_073_741_824),
        default="16777216",
        help="how large a file of the spool grows before the next is begun",
    )
    segment_seconds: float = setting(
        "INKLING_TRACKER_SPOOL_SEGMENT_SECONDS",
        parsers.seconds(0.05, 3_600),
        default="10",
        help="how old a file of the spool grows before the next is begun; only complete files are replayed",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsConfig:
    """What strangers may take of one process."""

    head_seconds: float = setting(
        "INKLING_TRACKER_HEAD_SECONDS",
        parsers.seconds(0.1, 3_600),
        default="5",
        help="how long a request's head may take from its first byte, or a new connection until it is complete",
    )
    idle_seconds: float = setting(
        "INKLING_TRACKER_IDLE_SECONDS",
        parsers.seconds(0.1, 3_600),
        default="20",
        help="how long a connection may be idle between requests",
    )
    connections: int = setting(
        "INKLING_TRACKER_MAX_CONNECTIONS",
        parsers.integer(1, 1_000_000),
        default="10000",
        help="how many connections one process holds at a time",
    )
    connections_per_address: int = setting(
        "INKLING_TRACKER_MAX_CONNECTIONS_PER_ADDRESS",
        parsers.integer(1, 1_000_000),
        default="512",
        help="how many of them may come from one address (of IPv6: one /64); trusted proxies are exempt",
    )
    bytes_in_flight: int = setting(
        "INKLING_TRACKER_MAX_BYTES_IN_FLIGHT",
        parsers.integer(65_536, 10**12),
        default="67108864",
        help="how many bytes of hits may wait for Kafka at a time; beyond, they go to the spool",
    )


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
        help="the proxies whose X-Forwarded-For or Forwarded is believed",
    )
    workers: int = setting(
        "INKLING_TRACKER_WORKERS",
        parsers.integer(1, 10),
        default="1",
        help="how many processes serve the public port; each has a private port of its own, counting up from the first",
    )
    spool: SpoolConfig = group(SpoolConfig)
    limits: LimitsConfig = group(LimitsConfig)
    kafka_seconds: float = setting(
        "INKLING_TRACKER_KAFKA_SECONDS",
        parsers.seconds(0.01, 30),
        default="0.25",
        help="how long Kafka may take to acknowledge a batch before it goes to the spool",
    )
    flush_seconds: float = setting(
        "INKLING_TRACKER_FLUSH_SECONDS",
        parsers.seconds(0, 1),
        default="0.01",
        help="how long a hit may wait for others to share its batch; a batch costs as much as some ten hits",
    )
    token_keys: KeyRing = setting(
        "INKLING_TOKEN_KEYS",
        Parser(parsers.numbered_keys(token.KEY_BYTES, range(16)).kind, token.key_ring),
        help="the keys of tokens; the first signs, all of them verify",
        secret=True,
    )

    def __post_init__(self) -> None:
        first = self.doors.private_port
        if not first:
            return
        last = first + self.workers - 1
        if last > 65_535:
            raise ValueError(
                f"INKLING_TRACKER_PRIVATE_PORT {first} leaves no room for {self.workers} workers"
            )
        if first < self.doors.port <= last:
            raise ValueError(
                f"INKLING_TRACKER_PORT {self.doors.port} lies among the private ports of {self.workers} workers"
            )
