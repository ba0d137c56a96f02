"""Kafka, typed: with the files named after it the only one that knows aiokafka, where its traps are fenced off.

A producer here is one *incarnation*: after any failure it is thrown away, because an idempotent
producer of aiokafka that loses a batch refuses everything after it (aiokafka issue 1017).
"""

import asyncio
import functools
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import aiokafka
from aiokafka import errors

from services.runtime import kafka_requests
from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.kafka_failures import FAILURES, at_best, classify, within
from services.runtime.leases import Lane
from services.runtime.records import Headers, Keyed, Outgoing, Polled, Record, Topic

# Where everybody looks for what travels through Kafka.
__all__ = [
    "MAX_BATCH_BYTES",
    "MAX_RECORD_BYTES",
    "Consumer",
    "Headers",
    "Landed",
    "Outgoing",
    "Polled",
    "Producer",
    "Record",
    "classify",
]

MAX_RECORD_BYTES = 900_000  # the broker refuses a batch above 1,048,588 bytes
MAX_BATCH_BYTES = 768 * 1024  # as counted by aiokafka, before compression
_REQUEST_SECONDS = 5.0
_FETCH_WAIT_MS = 50

Landed = Callable[[Transient | Poison | Fatal | None], None]
"""Told once that all replicas have a batch (None), or how it failed."""


async def _partitions(client: Any, topic: str, seconds: float) -> int:
    # Asked once: aiokafka's own wait for a topic asks on and logs an error each time.
    async with within(seconds):
        found = (await client.fetch_all_metadata()).partitions_for_topic(topic)
    if not found:
        raise Transient(f"kafka: there is no topic {topic}")
    return len(found)


class Producer:
    """One incarnation of an idempotent `acks=all` producer; close it after the first failure."""

    def __init__(self, servers: str, client_id: str) -> None:
        self._servers = servers
        self._client_id = client_id
        self._producer: Any = None
        self._starting: asyncio.Future[None] | None = None
        # Those known to be there; none goes away while a topic lasts.
        self._lanes: set[Lane] = set()

    async def start(self, seconds: float) -> None:
        """Connect, or raise within the seconds given."""
        self._producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=self._servers,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=1_000_000,
            linger_ms=0,
            request_timeout_ms=int(_REQUEST_SECONDS * 1000),
            retry_backoff_ms=50,
            metadata_max_age_ms=30_000,
        )
        # Cancelled half-way it would leave a connection open, so it runs on until `close`.
        self._starting = asyncio.ensure_future(self._producer.start())
        async with within(seconds):
            await asyncio.shield(self._starting)

    async def partitions(self, topic: str, seconds: float) -> int:
        """Return how many partitions the topic has; Transient if it does not exist (yet)."""
        return await _partitions(self._producer.client, topic, seconds)

    async def send_batch(
        self, lane: Lane, records: Sequence[Outgoing], timestamp_ms: int, seconds: float
    ) -> int:
        """Write the records in order; return the first one's offset once all replicas have them.

        Never call it twice at a time for one lane. After Transient the outcome is unknown.
        """
        producer = self._alive()
        batch, taken = _filled(producer, records, (), timestamp_ms)
        if taken < len(records):
            raise Poison("batch_too_large", f"{len(records)} records for {lane}")
        try:
            async with asyncio.timeout(seconds):
                if lane not in self._lanes:
                    if lane.partition not in await producer.partitions_for(lane.topic):
                        raise Poison("no_such_partition", str(lane))
                    self._lanes.add(lane)
                # Who stops to wait must not take the batch from those who send it.
                sent = await asyncio.shield(_enqueue(self._alive(), lane, batch))
                return int(sent.offset)
        except FAILURES as error:
            raise classify(error) from error

    async def prepare(self, topic: str, seconds: float) -> int:
        """Learn who leads the topic's lanes, as `offer` needs it, and return how many there are."""
        count = await self.partitions(topic, seconds)
        async with within(seconds):
            await self._producer.partitions_for(topic)
        return count

    def offer(
        self,
        lane: Lane,
        records: Sequence[Keyed],
        more: Headers,
        timestamp_ms: int,
        landed: Landed,
    ) -> int:
        """Enqueue a batch of the first records, as many as fit (at least one), and return how many.

        `more` is added to each record's headers. `landed` is told the outcome from the event loop, unless this raises:
        Transient when this incarnation is finished. The topic must be prepared, and a lane have no other batch under
        way. There is no deadline here: the caller owns it.
        """
        producer = self._alive()
        batch, taken = _filled(producer, records, more, timestamp_ms)
        _enqueue(producer, lane, batch).add_done_callback(functools.partial(_tell, landed))
        return taken

    def _alive(self) -> Any:
        producer = self._producer
        if producer is None or producer._message_accumulator._exception is not None:  # noqa: SLF001
            raise Transient("kafka: the producer is finished")
        return producer

    async def close(self, seconds: float) -> None:
        """Stop within the seconds given, leaving the outcome of unacknowledged records unknown."""
        producer, self._producer = self._producer, None
        if producer is None or self._starting is None:
            return
        async with at_best(seconds):
            await self._starting
        # stop() flushes, and idempotent batches are retried without end (aiokafka issue 1101). So
        # the sender goes first, then what it leaves behind; there is no public call for either.
        try:
            async with at_best(seconds):
                await producer._sender.close()  # noqa: SLF001
        finally:
            _discard(producer._message_accumulator)  # noqa: SLF001
            async with at_best(1.0):
                await producer.stop()


def _filled(
    producer: Any, records: Sequence[Keyed | Outgoing], more: Headers, timestamp_ms: int
) -> tuple[Any, int]:
    """Return a batch and how many of the records it holds."""
    batch = producer.create_batch()
    append = batch.append
    taken = 0
    for one in records:
        headers = [*one.headers, *more]
        # aiokafka's docstring says seconds; it stores milliseconds.
        if append(timestamp=timestamp_ms, key=one.key, value=one.value, headers=headers) is None:
            break
        taken += 1
    batch.close()
    return batch, taken


def _enqueue(producer: Any, lane: Lane, batch: Any) -> "asyncio.Future[Any]":
    """Do what aiokafka's `send_batch` does once it has the topic's metadata and the lane is free.

    Without its two coroutines: these cost more than a small batch.
    """
    place = aiokafka.TopicPartition(lane.topic, lane.partition)
    queued: asyncio.Future[Any] = producer._message_accumulator._append_batch(batch, place).future  # noqa: SLF001
    return queued


def _tell(landed: Landed, future: "asyncio.Future[Any]") -> None:
    if future.cancelled():
        landed(Transient("kafka: the producer was closed"))
        return
    error = future.exception()
    landed(None if error is None else classify(error))


def _discard(accumulator: Any) -> None:
    queued = itertools.chain.from_iterable(accumulator._batches.values())  # noqa: SLF001
    for batch in [*queued, *accumulator._pending_batches]:  # noqa: SLF001
        # A batch that waits to be sent again looks for itself here when it ends (KeyError).
        accumulator._pending_batches.add(batch)  # noqa: SLF001
        # Cancelled, since an exception that nobody fetches is logged as an error.
        batch.future.cancel()
        batch._drain_waiter.cancel()  # noqa: SLF001


async def _stop(consumer: Any, seconds: float) -> None:
    # A task of its own that has not begun yet would have stop() raise its cancellation.
    await asyncio.sleep(0)
    try:
        async with at_best(seconds):
            await consumer.stop()
    except asyncio.CancelledError:
        # Of a task of aiokafka's own: nobody cancels this one, and whoever closes would end without a word.
        async with at_best(seconds):
            await consumer._client.close()  # noqa: SLF001


class Consumer:
    """Reads chosen lanes from chosen offsets; no group, no resets, no deserializer."""

    def __init__(self, servers: str, client_id: str) -> None:
        self._servers = servers
        self._client_id = client_id
        self._consumer: Any = None
        self._assigned: list[aiokafka.TopicPartition] = []

    async def start(self, seconds: float) -> None:
        """Connect, or raise within the seconds given."""
        self._consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            client_id=self._client_id,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            check_crcs=True,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            fetch_min_bytes=1,
            max_partition_fetch_bytes=1_048_576,
            request_timeout_ms=10_000,
            metadata_max_age_ms=30_000,
        )
        async with within(seconds):
            await self._consumer.start()

    async def close(self, seconds: float) -> None:
        """Disconnect within the seconds given, also when cancelled meanwhile: it would leave sockets."""
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        stopping = asyncio.ensure_future(_stop(consumer, seconds))
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            await stopping
            raise

    def assign(self, positions: Mapping[Lane, int]) -> None:
        """Read exactly these lanes from these offsets on; what was fetched before is dropped."""
        self._assigned = [aiokafka.TopicPartition(*lane) for lane in positions]
        self._consumer.assign(self._assigned)
        for lane, offset in positions.items():
            self._consumer.seek(aiokafka.TopicPartition(*lane), offset)

    async def poll(self, wait_seconds: float, lane_records: int) -> Polled:
        """Return up to that many records of each lane, waiting only while there are none at all.

        After a raise, and for a lane it calls unreadable, positions are uncertain: assign again.
        """
        polled = Polled()
        # One lane at a time: a getmany() over several drops what it has drained when one raises.
        for lane in self._assigned:
            await self._getmany([lane], polled, 0.0, lane_records)
        if polled.records or polled.unreadable or not self._assigned:
            return polled
        # Waiting needs all lanes in one call; with one record nothing drained can be lost.
        await self._getmany(self._assigned, polled, wait_seconds, 1)
        for waited in list(polled.records):
            lane = aiokafka.TopicPartition(*waited)
            await self._getmany([lane], polled, 0.0, lane_records - 1)
        return polled

    def end_offset(self, lane: Lane) -> int | None:
        """Return the offset after the lane's last record as of the last fetch, if there was one."""
        end = self._consumer.highwater(aiokafka.TopicPartition(*lane))
        return None if end is None else int(end)

    async def position(self, lane: Lane, seconds: float) -> int:
        """Return the offset from which an assigned lane is read on, past what compaction has taken away."""
        async with within(seconds):
            return int(await self._consumer.position(aiokafka.TopicPartition(*lane)))

    async def _getmany(
        self, lanes: list[aiokafka.TopicPartition], polled: Polled, wait: float, room: int
    ) -> None:
        self._hand_over(lanes)
        try:
            async with asyncio.timeout(wait + _REQUEST_SECONDS):
                found = await self._consumer.getmany(
                    *lanes, timeout_ms=int(wait * 1000), max_records=room
                )
        except errors.OffsetOutOfRangeError as error:
            for topic, partition in error.args[0]:
                polled.unreadable[Lane(topic, partition)] = "offset_out_of_range"
            return
        except (errors.CorruptRecordException, UnicodeDecodeError) as error:
            # Only the text of the error names the lane; for a header's name nothing does.
            named = [lane for lane in self._assigned if repr(lane) in str(error)]
            for topic, partition in named or lanes:
                polled.unreadable[Lane(topic, partition)] = "corrupt_record"
            return
        except FAILURES as error:
            raise classify(error) from error
        for place, records in found.items():
            lane = Lane(*place)
            polled.records.setdefault(lane, []).extend(
                one if type(one) is Record else _record(lane, one) for one in records
            )

    def _hand_over(self, lanes: list[aiokafka.TopicPartition]) -> None:
        """Have what is fetched already become our records at once: aiokafka's own cost a fourth of a read.

        What comes only while it is waited for is still aiokafka's, and made ours afterwards.
        """
        fetched = self._consumer._fetcher._records  # noqa: SLF001
        for lane in lanes:
            unread = getattr(fetched.get(lane), "_partition_records", None)
            if unread is not None:
                unread._consumer_record = _record  # noqa: SLF001

    async def partitions(self, topic: str, seconds: float) -> int:
        """Return how many partitions the topic has; Transient if it does not exist (yet)."""
        return await _partitions(self._consumer._client, topic, seconds)  # noqa: SLF001

    async def topics(self, names: Collection[str], seconds: float) -> dict[str, Topic]:
        """Return those of the topics that there are."""
        async with within(seconds):
            return await kafka_requests.topics(self._consumer._client, names)  # noqa: SLF001

    async def beginning_offsets(self, lanes: Collection[Lane], seconds: float) -> dict[Lane, int]:
        """Return the first offset still kept in each lane."""
        return await self._offsets("beginning_offsets", lanes, seconds)

    async def end_offsets(self, lanes: Collection[Lane], seconds: float) -> dict[Lane, int]:
        """Return the offset that the next record of each lane will get."""
        return await self._offsets("end_offsets", lanes, seconds)

    async def _offsets(
        self, which: str, lanes: Collection[Lane], seconds: float
    ) -> dict[Lane, int]:
        async with within(seconds):
            found = await getattr(self._consumer, which)(
                [aiokafka.TopicPartition(*lane) for lane in lanes]
            )
        return {Lane(*place): int(offset) for place, offset in found.items()}


def _record(lane: Any, one: Any) -> Record:  # a lane and a record of ours or of aiokafka's
    return Record(
        lane.topic,
        lane.partition,
        one.offset,
        one.key,
        one.value,
        tuple(one.headers),
        one.timestamp,
    )
