"""What travels through Kafka and what is known of it, as plain values; `services.runtime.kafka` hands them on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.runtime.leases import Lane

Headers = tuple[tuple[str, bytes], ...]


class Keyed(Protocol):
    """Whatever has the parts of a record, so that a service's own value need not be copied."""

    @property
    def key(self) -> bytes:
        """What decides the partition."""
        ...

    @property
    def value(self) -> bytes:
        """The record's content."""
        ...

    @property
    def headers(self) -> Headers:
        """Names and values, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A record to be published; a value of None removes the key from a compacted topic."""

    key: bytes
    value: bytes | None
    headers: Headers = ()

    def size(self) -> int:
        """Return about how many bytes this takes in a batch, before compression."""
        named = sum(len(name) + len(value) + 4 for name, value in self.headers)
        return len(self.key) + len(self.value or b"") + named + 24


class Record(NamedTuple):
    """A record at its place in a topic (a tuple, since every event read becomes one)."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int

    @property
    def lane(self) -> Lane:
        """Return where this record lies."""
        return Lane(self.topic, self.partition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What one poll brought: records by lane, and lanes that cannot be read with the reason why."""

    records: dict[Lane, list[Record]] = field(default_factory=dict)
    unreadable: dict[Lane, str] = field(default_factory=dict)


class Topic(NamedTuple):
    """A topic that there is; a topic made anew under the same name has another id (None: Kafka does not tell)."""

    partitions: int
    id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """A topic as it should be, or as it is."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]
