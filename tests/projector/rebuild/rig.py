"""A projector at work in this process, over real Kafka and PostgreSQL, and `rebuild` as a process beside it."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
from prometheus_client import CollectorRegistry

from deploy.local.stack import Stack
from deploy.local.unprivileged import CHECKOUT
from schemas import topics
from services.projector import days
from services.projector.app import SCHEMA, TOPICS
from services.projector.apply import ReadModels
from services.projector.metrics import Metrics
from services.projector.rebuild import beside
from services.projector.rebuild.tables import BESIDE, LIVE, READ_MODELS
from services.projector.staging import Slice
from services.runtime.clock import SystemClock
from services.runtime.consumer import FencedConsumer
from services.runtime.leases import Lane
from services.runtime.lifecycle import Life
from services.runtime.postgres import Connection, Pool, connect
from tests.faults.folding.feed import Feed, now, outgoing
from tests.faults.folding.story import Ledger, Story, Told
from tests.faults.folding.topics import delete_records, fresh_topics
from tests.projector.store import migrate
from tests.support.eventually import eventually
from tests.support.stack import Database, a_database

PARTITIONS = 3
SECONDS = 60.0


class Rig:
    """Fresh topics with a history in them, a database, and whatever folds the one into the other."""

    def __init__(self, stack: Stack, database: Database) -> None:
        self.servers = stack.kafka
        self.database = database
        self.ledger = Ledger()
        self.feed = Feed(stack.kafka, PARTITIONS, self.ledger)
        self.story = Story(7, now=now(), partitions=PARTITIONS)
        self.chance = random.Random(7)  # noqa: S311 a choice, not a secret

    @property
    def environ(self) -> dict[str, str]:
        """What the verbs are told."""
        return {
            "INKLING_KAFKA_SERVERS": self.servers,
            "INKLING_PROJECTOR_DATABASE_URL": self.database.url("projector_writer"),
            "INKLING_PROJECTOR_READER_DATABASE_URL": self.database.url("projector_reader"),
            "INKLING_PROJECTOR_OWNER_DATABASE_URL": self.database.url("projector_owner"),
        }

    @asynccontextmanager
    async def live(self, name: str = "projector") -> AsyncIterator[FencedConsumer[Slice]]:
        """Have a projector fold for the length of a block."""
        url = self.database.url("projector_writer")
        async with (
            Pool(url, application="inkling-projector", schema=SCHEMA, size=4) as pool,
            asyncio.TaskGroup() as tasks,
        ):
            life = Life("tests", tasks, 5.0)
            await days.ensure(pool, life.clock)
            metrics = Metrics(CollectorRegistry())
            fold = ReadModels(life.clock, metrics, lambda partition: None)
            consumer: FencedConsumer[Slice] = FencedConsumer(
                name, TOPICS, pool, self.servers, fold, SystemClock(), metrics
            )
            running = tasks.create_task(consumer.run(life))
            try:
                yield consumer
            finally:
                life.stop()
                await asyncio.wait([running], timeout=10)

    async def poison(self, events: Sequence[Told]) -> None:
        """Have events lie on a topic that is not theirs."""
        records = [outgoing(one) for one in events]
        await self.feed.raw(Lane(topics.PERSONAL.name, 0), records)

    async def truncate(self) -> None:
        """Have the log of one partition begin at offset 5."""
        await delete_records(self.servers, {(topics.EVENTS.name, 0): 5})

    async def caught_up(self) -> None:
        """Return when live has folded all that was fed."""
        wanted = self.feed.records

        async def there() -> bool:
            found = await self.fetchval("select coalesce(sum(next_offset), 0) from checkpoint")
            return bool(found == wanted)

        await eventually(there, SECONDS)

    @asynccontextmanager
    async def connected(self, role: str = "postgres") -> AsyncIterator[Connection]:
        """Have a connection, the superuser's unless another is named."""
        async with connect(self.database.url(role), application="tests", schema=LIVE) as connection:
            yield connection

    async def fetchval(self, sql: str, *args: object) -> Any:
        """Ask the superuser's way."""
        async with self.connected() as connection:
            return await connection.fetchval(sql, *args)

    async def execute(self, sql: str) -> None:
        """Do something to the database, the superuser's way."""
        async with self.connected() as connection:
            await connection.execute(sql)

    async def owners(self, sql: str) -> list[dict[str, Any]]:
        """Ask and return the rows."""
        async with self.connected() as connection:
            return [dict(row.items()) for row in await connection.fetch(sql)]

    async def facts(self) -> tuple[list[dict[str, Any]], int]:
        """Return what was stated, and the number of the last fact that was left to the relay."""
        stated = await self.owners("select * from first_fact order by 1, 2, 3, 4, 5")
        return stated, await self.fetchval("select coalesce(max(seq), 0) from outbox")

    async def rebuild(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run a verb to its end; returns its JSON, or what it complained of."""
        process = await self.launch(*arguments)
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate()
        assert process.returncode == code, err.decode()
        if code == 0:
            answer: dict[str, Any] = orjson.loads(out)
            return answer
        return {"told": err.decode()}

    async def launch(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start a verb."""
        told = {
            name: value for name, value in os.environ.items() if not name.startswith("INKLING_")
        }
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.projector", "rebuild", *arguments, "--json"),
            cwd=CHECKOUT,
            env=told | self.environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def killed(self, *arguments: str, when: Callable[[], Any]) -> None:
        """Start a verb and end it by SIGKILL as soon as something is so."""
        process = await self.launch(*arguments)
        try:
            await eventually(when, SECONDS)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


def differing(answer: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    """Return of each table that is not the same how many rows would be gone, new and changed."""
    return {
        one["table"]: (one["gone"], one["new"], one["changed"])
        for one in answer["compared"]
        if not one["same"]
    }


async def made(rig: Rig) -> None:
    """Make the tables beside, without folding into them."""
    async with rig.connected("projector_owner") as connection:
        await beside.make(connection)


@asynccontextmanager
async def a_rig(stack: Stack) -> AsyncIterator[Rig]:
    """Have a rig whose topics and database are empty."""
    await fresh_topics(stack.kafka, PARTITIONS)
    with a_database(stack.postgres) as database:
        await migrate(database)
        rig = Rig(stack, database)
        try:
            yield rig
        finally:
            await rig.feed.close()


__all__ = ["BESIDE", "LIVE", "READ_MODELS", "Rig", "a_rig", "differing", "made"]
