"""Records that nobody can fold, each wrong in its own way, beside ones that are right."""

import random
import uuid

import aiokafka
import orjson

from schemas import instant, topics
from schemas.instant import Instant
from services.runtime.kafka import Outgoing
from services.runtime.leases import Lane
from tests.faults.folding.feed import now, outgoing
from tests.faults.folding.story import Story, Told

_DAY = 24 * 3600 * instant.SECOND
_DEPTH = 1_100
_HUGE_BYTES = 2 * 1024**2


def poisons(story: Story, chance: random.Random) -> dict[str, tuple[Lane, Outgoing]]:
    """Make one of each, by what is wrong with it; each lies where its message does, as far as it names one."""
    good = story.open_of(chance.choice(story.mails), Instant(now() - instant.SECOND))
    record = outgoing(good)
    lane = Lane(topics.EVENTS.name, topics.partition_of(record.key, story.partitions))
    personal = Lane(topics.PERSONAL.name, chance.randrange(story.partitions))
    told = orjson.loads(record.value or b"")
    stranger = story.mails[0] if story.mails[0].message != good.event.message_id else story.mails[1]  # type: ignore[union-attr]

    def changed(**changes: object) -> Outgoing:
        return _with(record, value=orjson.dumps(told | changes))

    def said(**changes: str) -> Outgoing:
        return _with(record, headers=_headers(record, changes))

    made = {
        "not JSON": _with(record, value=b'{"message_id":'),
        "not UTF-8": _with(record, value=b'{"message_id":"\xff"}'),
        "another version": said(ce_specversion="0.3"),
        "of no known type": said(ce_type="message.forgotten.v9"),
        "too deep": _with(record, value=b'{"x":' + b"[" * _DEPTH + b"]" * _DEPTH + b"}"),
        "a NUL": _with(record, value=orjson.dumps(told | {"user_agent": "a\0b"})),
        "half a surrogate pair": _with(
            record, value=orjson.dumps(told | {"user_agent": "@"}).replace(b"@", b"\\ud800")
        ),
        "a number above 2^63": changed(message_id=2**63 + 1),
        "a member too few": _with(
            record, value=orjson.dumps({n: v for n, v in told.items() if n != "refs"})
        ),
        "a member of another kind": changed(refs="everybody"),
        "no value": _with(record, value=b""),
        "another's key": _with(record, key=stranger.key),
        "an id that is none": said(ce_id="17"),
        "an id of another kind": said(ce_id=str(uuid.UUID(int=7, version=4))),
        "an id of another time": said(
            ce_time=instant.text(Instant(good.envelope.occurred_at - 60 * instant.SECOND))
        ),
        "a tenant that is none": said(ce_tenant="Acme!"),
        "no tenant": _with(
            record, headers=tuple(one for one in record.headers if one[0] != "ce_tenant")
        ),
        "the day after tomorrow": outgoing(story.open_of(stranger, Instant(now() + 2 * _DAY))),
        "later than the window": outgoing(story.open_of(stranger, Instant(now() - 30 * _DAY))),
    }
    placed = {name: (lane, one) for name, one in made.items()}
    placed["no value at all"] = lane, Outgoing(key=record.key, value=None, headers=record.headers)
    placed["a tombstone of nobody"] = personal, Outgoing(key=b"nobody", value=None)
    placed["personal and not JSON"] = personal, Outgoing(key=record.key, value=b"{", headers=())
    placed["an event on another topic"] = personal, record
    return placed


def bad(good: Told) -> Outgoing:
    """Make a record that lies where a good one would and cannot be read."""
    return _with(outgoing(good), value=b"{")


def _with(
    record: Outgoing,
    *,
    key: bytes | None = None,
    value: bytes | None = None,
    headers: tuple[tuple[str, bytes], ...] | None = None,
) -> Outgoing:
    return Outgoing(
        key=record.key if key is None else key,
        value=record.value if value is None else value,
        headers=record.headers if headers is None else headers,
    )


def _headers(record: Outgoing, changes: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    return tuple(
        (name, changes[name].encode() if name in changes else value)
        for name, value in record.headers
    )


async def without_key(servers: str, lane: Lane, good: Outgoing) -> int:
    """Produce a record without a key, which our own producer cannot, and return its offset."""
    return await _produced(servers, lane, None, good.value or b"", good.headers)


async def huge(servers: str, lane: Lane, good: Outgoing) -> int:
    """Produce a record of 2 MiB, small on its way since it is compressed, and return its offset."""
    return await _produced(servers, lane, good.key, b" " * _HUGE_BYTES, good.headers)


async def _produced(
    servers: str,
    lane: Lane,
    key: bytes | None,
    value: bytes,
    headers: tuple[tuple[str, bytes], ...],
) -> int:
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=servers,
        compression_type="zstd",
        max_batch_size=2 * _HUGE_BYTES,
        max_request_size=2 * _HUGE_BYTES,
    )
    await producer.start()
    try:
        sent = await producer.send_and_wait(
            lane.topic, value, key, partition=lane.partition, headers=list(headers)
        )
        return int(sent.offset)
    finally:
        await producer.stop()
