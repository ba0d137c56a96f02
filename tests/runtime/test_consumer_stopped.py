"""A worker that stops in mid-transaction blocks nobody for longer than is stated, and what it began is void."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.runtime.kafka import Outgoing
from services.runtime.leases import Lane
from services.runtime.postgres import Pool
from tests.runtime.test_consumer import at_offset
from tests.support.eventually import eventually
from tests.support.folding import Worker, a_pool, a_schema
from tests.support.stack import Database
from tests.support.topics import a_topic, produce

BLOCKED_SECONDS = 20.0
"""As docs/guarantees.md states it."""


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    await a_schema(database)
    async with a_pool(database, "fold") as pool:
        yield pool


def stands_still(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("how", ["idle", "copying"])
async def test_a_successor_goes_on_within_the_bound_and_the_zombie_commits_nothing(
    kafka_servers: str, database: Database, pool: Pool, how: str
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, [Outgoing(key=b"k", value=b"%d" % n) for n in range(5)])
    arguments = (kafka_servers, topic, database.url("projector_writer"), how)
    zombie = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.stopping_worker", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await eventually(lambda: stands_still(zombie.pid))
        stopped = time.monotonic()
        async with Worker(kafka_servers, topic, pool).running() as successor:
            await eventually(lambda: lane in successor.consumer.lanes(), 2 * BLOCKED_SECONDS)
            await at_offset(pool, 5)
            assert time.monotonic() - stopped < BLOCKED_SECONDS
            zombie.send_signal(signal.SIGCONT)
            zombie.send_signal(signal.SIGTERM)
            told, _ = await asyncio.wait_for(zombie.communicate(), 20)
        assert told == b"committed 0\n"
        assert successor.fold.committed_records[lane] == 5
    finally:
        if zombie.returncode is None:
            zombie.send_signal(signal.SIGCONT)
            zombie.kill()
            await zombie.wait()
    assert await pool.fetchval("select sum(ids) from tally") == 5
    assert await pool.fetchval("select count(*) from outbox") == 5
