"""Kafka's adapter: what its failures mean, what a poll brings, and that farewells end."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiokafka
import pytest

from deploy.local.stack import Stack
from services.runtime.errors import Poison, Transient
from services.runtime.kafka import Consumer, Headers, Outgoing, Polled, Producer
from services.runtime.leases import Lane
from tests.support.eventually import eventually
from tests.support.freezing import frozen
from tests.support.topics import SECONDS, a_name, a_topic, produce


@pytest.fixture
async def consumer(kafka_servers: str) -> AsyncIterator[Consumer]:
    consumer = Consumer(kafka_servers, "tests")
    await consumer.start(SECONDS)
    yield consumer
    await consumer.close(SECONDS)


def numbered(count: int) -> list[Outgoing]:
    return [Outgoing(key=b"k", value=b"%d" % number) for number in range(count)]


async def poll_until(consumer: Consumer, records: int, lane_records: int = 100) -> list[Polled]:
    """Poll until that many records came, or a lane was called unreadable."""
    polls: list[Polled] = []

    async def enough() -> bool:
        polls.append(await consumer.poll(0.1, lane_records))
        if polls[-1].unreadable:
            return True
        return sum(len(found) for one in polls for found in one.records.values()) >= records

    await eventually(enough)
    return polls


async def test_a_record_comes_back_as_it_was_sent(kafka_servers: str, consumer: Consumer) -> None:
    topic = await a_topic(kafka_servers)
    headers = (("ce_type", b"x"), ("ce_id", b"\x00\xff"))
    sent = [
        Outgoing(key=b"\x00key", value=b"\xffvalue", headers=headers),
        Outgoing(key=b"gone", value=None),
    ]
    assert await produce(kafka_servers, Lane(topic, 0), sent) == 0
    assert await produce(kafka_servers, Lane(topic, 0), sent[:1]) == 2
    consumer.assign({Lane(topic, 0): 0})
    (polled, *_) = [one for one in await poll_until(consumer, 2) if one.records]
    first, second, *_ = polled.records[Lane(topic, 0)]
    assert (first.key, first.value, first.headers) == (sent[0].key, sent[0].value, headers)
    assert (second.offset, second.value, second.lane) == (1, None, Lane(topic, 0))
    assert first.timestamp_ms == 1_767_225_600_000


async def test_a_lane_with_a_backlog_does_not_keep_another_waiting(
    kafka_servers: str, consumer: Consumer
) -> None:
    topic = await a_topic(kafka_servers, 2)
    for _ in range(5):
        await produce(kafka_servers, Lane(topic, 0), numbered(1000))
    await produce(kafka_servers, Lane(topic, 1), numbered(10))
    consumer.assign({Lane(topic, 0): 0, Lane(topic, 1): 0})
    polls = await poll_until(consumer, 2000, 500)
    assert all(len(found) <= 500 for one in polls for found in one.records.values())
    assert any(Lane(topic, 1) in one.records for one in polls)


async def test_assigning_again_starts_over_from_the_offsets_given(
    kafka_servers: str, consumer: Consumer
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, numbered(10))
    consumer.assign({lane: 0})
    await poll_until(consumer, 10, 3)
    consumer.assign({lane: 8})
    polls = await poll_until(consumer, 2)
    assert [one.offset for poll in polls for one in poll.records.get(lane, [])] == [8, 9]
    assert consumer.end_offset(lane) == 10


async def test_an_offset_that_is_not_there_names_its_lane_and_spares_the_others(
    kafka_servers: str, consumer: Consumer
) -> None:
    topic = await a_topic(kafka_servers, 2)
    await produce(kafka_servers, Lane(topic, 1), numbered(5))
    consumer.assign({Lane(topic, 0): 99, Lane(topic, 1): 0})
    polls = await poll_until(consumer, 1000)
    assert polls[-1].unreadable == {Lane(topic, 0): "offset_out_of_range"}
    consumer.assign({Lane(topic, 1): 0})
    await poll_until(consumer, 5)


async def test_nothing_assigned_brings_nothing_at_once(consumer: Consumer) -> None:
    assert await consumer.poll(5.0, 10) == Polled()


async def test_a_consumer_is_closed_as_soon_as_it_has_started(kafka_servers: str) -> None:
    consumer = Consumer(kafka_servers, "tests")
    await consumer.start(SECONDS)
    await consumer.close(SECONDS)


async def test_a_consumer_is_closed_also_when_its_closing_is_cancelled(kafka_servers: str) -> None:
    consumer = Consumer(kafka_servers, "tests")
    await consumer.start(SECONDS)
    inner = consumer._consumer
    closing = asyncio.ensure_future(consumer.close(SECONDS))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert inner._closed


async def test_offsets_and_partitions_are_told(kafka_servers: str, consumer: Consumer) -> None:
    topic = await a_topic(kafka_servers, 2)
    await produce(kafka_servers, Lane(topic, 1), numbered(7))
    lanes = [Lane(topic, 0), Lane(topic, 1)]
    assert await consumer.beginning_offsets(lanes, SECONDS) == dict.fromkeys(lanes, 0)
    assert await consumer.end_offsets(lanes, SECONDS) == {lanes[0]: 0, lanes[1]: 7}
    assert await consumer.partitions(topic, SECONDS) == 2
    with pytest.raises(Transient, match="there is no topic"):
        await consumer.partitions(a_name(), SECONDS)


async def test_a_batch_the_broker_finds_too_large_is_poison(
    kafka_servers: str,
) -> None:
    topic = await a_topic(kafka_servers, config={"max.message.bytes": "1000"})
    noise = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(100))
    with pytest.raises(Poison, match="refused_by_broker"):
        await produce(kafka_servers, Lane(topic, 0), [Outgoing(key=b"k", value=noise)])


async def test_nobody_there_is_transient() -> None:
    for client in (Producer("127.0.0.1:9", "t"), Consumer("127.0.0.1:9", "t")):
        with pytest.raises(Transient):
            await client.start(2.0)
        await client.close(1.0)


async def test_a_producer_is_closed_in_time_though_its_broker_is_silent(
    kafka_servers: str, servers: Stack
) -> None:
    topic = await a_topic(kafka_servers)
    producer = Producer(kafka_servers, "tests")
    await producer.start(SECONDS)
    with frozen(servers.pids()["kafka"]):
        with pytest.raises(Transient):
            await producer.send_batch(Lane(topic, 0), numbered(1), 1, 0.2)
        begun = time.monotonic()
        await producer.close(1.0)
        assert time.monotonic() - begun < 3.0


async def test_what_is_offered_lands_with_what_is_added_to_all(
    kafka_servers: str, consumer: Consumer
) -> None:
    topic = await a_topic(kafka_servers)
    producer = Producer(kafka_servers, "tests")
    await producer.start(SECONDS)
    assert await producer.prepare(topic, SECONDS) == 1
    landed: list[Exception | None] = []
    offered = [_Keyed(b"k", b"%d" % number, (("n", b"1"),)) for number in range(3)]
    more = (("more", b"2"),)
    assert producer.offer(Lane(topic, 0), offered, more, 1_767_225_600_000, landed.append) == 3
    await eventually(lambda: landed == [None])
    large = [_Keyed(b"k", b"x" * 500_000, ())] * 3
    assert producer.offer(Lane(topic, 0), large, (), 1_767_225_600_000, landed.append) == 1
    await eventually(lambda: landed == [None, None])
    await producer.close(SECONDS)
    with pytest.raises(Transient, match="finished"):
        producer.offer(Lane(topic, 0), offered, (), 1, landed.append)
    consumer.assign({Lane(topic, 0): 0})
    polls = await poll_until(consumer, 4)
    found = [one for poll in polls for one in poll.records.get(Lane(topic, 0), [])]
    assert [one.value for one in found[:3]] == [b"0", b"1", b"2"]
    assert found[0].headers == (("n", b"1"), ("more", b"2"))
    assert found[0].timestamp_ms == 1_767_225_600_000


async def test_what_was_offered_and_is_not_acknowledged_at_the_close_is_told_so(
    kafka_servers: str, servers: Stack
) -> None:
    topic = await a_topic(kafka_servers)
    producer = Producer(kafka_servers, "tests")
    await producer.start(SECONDS)
    await producer.prepare(topic, SECONDS)
    landed: list[Exception | None] = []
    with frozen(servers.pids()["kafka"]):
        producer.offer(Lane(topic, 0), [_Keyed(b"k", b"v", ())], (), 1, landed.append)
        await producer.close(0.5)
        await eventually(lambda: len(landed) == 1)
    assert isinstance(landed[0], Transient)


async def test_a_batch_that_waits_to_be_sent_again_is_given_up_without_an_error(
    kafka_servers: str,
) -> None:
    topic = await a_topic(kafka_servers)
    producer = Producer(kafka_servers, "tests")
    await producer.start(SECONDS)
    await producer.prepare(topic, SECONDS)
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    landed: list[Exception | None] = []
    client: Any = producer._producer
    await client._sender.close()
    producer.offer(Lane(topic, 0), [_Keyed(b"k", b"v", ())], (), 1, landed.append)
    # What the sender does after an answer like NotLeaderForPartition.
    accumulator = client._message_accumulator
    accumulator.reenqueue(accumulator._pop_batch(aiokafka.TopicPartition(topic, 0)))
    await producer.close(1.0)
    await eventually(lambda: len(landed) == 1)
    assert isinstance(landed[0], Transient)
    assert reported == []


class _Keyed(NamedTuple):
    key: bytes
    value: bytes
    headers: Headers
