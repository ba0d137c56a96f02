"""The consumer under attack: stolen lanes, cut connections, duplicates; an oracle counts along."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from services.runtime.kafka import Outgoing, Producer
from services.runtime.leases import Lane
from services.runtime.postgres import Connection, Pool, connect
from tests.support.eventually import eventually
from tests.support.folding import Worker, a_pool, a_schema
from tests.support.freezing import frozen
from tests.support.stack import Database
from tests.support.topics import SECONDS, a_topic, produce

PARTITIONS = 6
SEED = 20_260_101
CUT = """
select pg_terminate_backend(pid) from pg_stat_activity
where application_name = 'fold' and datname = current_database()
  and (state = 'idle in transaction' or (state = 'active' and query like '%seen%'))
"""
STEAL = """
update projector.checkpoint set epoch = epoch + 1, owner = null, lease_until = null
where partition = $1
"""


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    await a_schema(database)
    async with a_pool(database) as pool:
        yield pool


@pytest.fixture
async def superuser(database: Database) -> AsyncIterator[Connection]:
    async with connect(database.url("postgres"), application="attacker") as connection:
        yield connection


async def fill(
    servers: str, topic: str, pool: Pool, enough: Callable[[], bool]
) -> tuple[int, int, int]:
    """Produce every record twice, some of them poison; return records, distinct good ones, bad."""
    producer = Producer(servers, "tests")
    await producer.start(SECONDS)
    total = distinct = bad = 0
    for number in itertools.count():
        if number >= 8:
            if enough():
                break
            # However slow the machine, what is left to fold at the end is no more than eight rounds.
            wanted = total * (number - 7) // number
            await eventually(lambda: passes_offset(pool, wanted), 60)  # noqa: B023 - awaited
        for partition in range(PARTITIONS):
            values = [b"%d-%d-%d" % (partition, number, n) for n in range(200)]
            poison = [b"bad %d" % number, b"sql %d-%d" % (partition, number)]
            batch = [Outgoing(key=b"k", value=value) for value in values + poison]
            for _ in range(2):
                await producer.send_batch(Lane(topic, partition), batch, 1000, SECONDS)
            total += 2 * len(batch)
            distinct += len(values)
            bad += 2 * len(poison)
    await producer.close(SECONDS)
    return total, distinct, bad


def damage(file: Path, place: int) -> None:
    """Turn a byte over; twice, and it is as before."""
    with file.open("r+b") as opened:
        opened.seek(place)
        byte = opened.read(1)
        opened.seek(place)
        opened.write(bytes([byte[0] ^ 0xFF]))


async def reaches_offset(pool: Pool, total: int, seconds: float) -> None:
    async def there() -> bool:
        return bool(await pool.fetchval("select sum(next_offset) from checkpoint") == total)

    await eventually(there, seconds)


async def passes_offset(pool: Pool, total: int) -> bool:
    return bool(await pool.fetchval("select sum(next_offset) >= $1 from checkpoint", total))


async def attack(connection: Connection, chance: random.Random, attacks: dict[str, int]) -> None:
    """Cut connections in mid-transaction and raise epochs, until cancelled."""
    while True:
        attacks["cut"] += len(await connection.fetch(CUT))
        if chance.random() < 0.1:
            attacks["stolen"] += await connection.execute(STEAL, chance.randrange(PARTITIONS))
        await asyncio.sleep(0.02)


async def test_stolen_lanes_cut_connections_and_duplicates_change_no_count(
    kafka_servers: str, database: Database, pool: Pool, superuser: Connection
) -> None:
    topic = await a_topic(kafka_servers, PARTITIONS)
    attacks = {"cut": 0, "stolen": 0}
    async with AsyncExitStack() as stack:
        workers = []
        for _ in range(2):
            own = await stack.enter_async_context(a_pool(database, "fold"))
            workers.append(Worker(kafka_servers, topic, own))
            await stack.enter_async_context(workers[-1].running())
        chance = random.Random(SEED)  # noqa: S311 - a seed that can be repeated
        attacking = asyncio.create_task(attack(superuser, chance, attacks))

        def enough() -> bool:
            return attacks["cut"] > 5 and sum(one.metrics.fences for one in workers) > 2

        filling = asyncio.create_task(fill(kafka_servers, topic, pool, enough))
        while not filling.done():
            async with a_pool(database, "fold") as own:
                third = Worker(kafka_servers, topic, own)
                async with third.running():
                    await eventually(lambda: bool(third.consumer.lanes()), 40)  # noqa: B023 - awaited
        total, distinct, bad = await filling
        attacking.cancel()
        await asyncio.wait([attacking])
        await reaches_offset(pool, total, 60)
    assert await pool.fetchval("select count(*) from seen") == distinct
    assert await pool.fetchval("select sum(ids) from tally") == distinct
    assert await pool.fetchval("select count(*) from outbox") == distinct
    assert await pool.fetchval("select count(*) from quarantine") == bad
    assert await pool.fetchval("select count(*) from checkpoint where halted is not null") == 0


async def test_lanes_are_shared_and_taken_over_when_a_worker_leaves(
    kafka_servers: str, database: Database, pool: Pool
) -> None:
    topic = await a_topic(kafka_servers, PARTITIONS)
    first = Worker(kafka_servers, topic, pool)
    async with first.running(), a_pool(database) as own:
        second = Worker(kafka_servers, topic, own)
        await eventually(lambda: len(first.consumer.lanes()) == PARTITIONS)
        async with second.running():
            await eventually(lambda: len(second.consumer.lanes()) == 3)
            assert not first.consumer.lanes() & second.consumer.lanes()
        await eventually(lambda: len(first.consumer.lanes()) == PARTITIONS, 5)


async def test_a_worker_that_stops_in_a_transaction_is_succeeded_and_writes_nothing(
    kafka_servers: str, database: Database, pool: Pool, superuser: Connection
) -> None:
    topic = await a_topic(kafka_servers)
    await produce(kafka_servers, Lane(topic, 0), [Outgoing(key=b"k", value=b"once")])
    async with a_pool(database, "fold") as own:
        zombie = Worker(kafka_servers, topic, own)
        zombie.fold.gate.clear()
        async with zombie.running():
            await eventually(zombie.fold.entered.is_set)
            # What idle_in_transaction_session_timeout and the lease's end do after ten seconds.
            await superuser.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'fold'"
            )
            await superuser.execute("update projector.checkpoint set lease_until = now()")
            async with Worker(kafka_servers, topic, pool).running():
                await reaches_offset(pool, 1, SECONDS)
                zombie.fold.gate.set()
                await eventually(lambda: not zombie.consumer.lanes())
            assert zombie.fold.committed_records.total() == 0
    assert await pool.fetchval("select ids from tally") == 1


async def test_a_broker_that_freezes_and_one_that_is_killed_cost_time_only(
    kafka_servers: str, servers: Stack, pool: Pool
) -> None:
    topic = await a_topic(kafka_servers, 2)
    worker = Worker(kafka_servers, topic, pool)
    async with worker.running():
        await produce(kafka_servers, Lane(topic, 0), [Outgoing(key=b"k", value=b"1")])
        await reaches_offset(pool, 1, SECONDS)
        with frozen(servers.pids()["kafka"]):
            await eventually(lambda: worker.consumer.healthy() is not None, 30)
        servers.kill("kafka")
        await asyncio.to_thread(servers.broker.start)
        await produce(kafka_servers, Lane(topic, 1), [Outgoing(key=b"k", value=b"2")])
        await reaches_offset(pool, 2, 30)
        await eventually(lambda: worker.consumer.healthy() is None)


async def test_a_lane_that_halted_at_a_damaged_batch_goes_on_once_an_operator_says_so(
    servers: Stack, kafka_servers: str, pool: Pool
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    values = [b"%d" % number * 9 for number in range(50)]
    await produce(kafka_servers, lane, [Outgoing(key=b"k", value=value) for value in values])
    (log,) = (servers.broker._directory / "data" / f"{topic}-0").glob("*.log")
    damage(log, log.stat().st_size // 2)
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: worker.metrics.halts.get(lane) is not None)
        damage(log, log.stat().st_size // 2)  # which mends it
        await pool.execute("update checkpoint set halted = null")
        await reaches_offset(pool, len(values), SECONDS)


async def test_a_new_record_is_folded_within_a_moment(kafka_servers: str, pool: Pool) -> None:
    topic = await a_topic(kafka_servers, 2)
    taken = []
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: len(worker.consumer.lanes()) == 2)
        producer = Producer(kafka_servers, "tests")
        await producer.start(SECONDS)
        for number in range(20):
            lane = Lane(topic, number % 2)
            await producer.send_batch(lane, [Outgoing(key=b"k", value=b"%d" % number)], 1, SECONDS)
            begun = time.monotonic()
            await eventually(lambda: worker.fold.committed_records.total() == number + 1)  # noqa: B023 - awaited
            taken.append(time.monotonic() - begun)
        await producer.close(SECONDS)
    assert sorted(taken)[10] < 0.15, taken
