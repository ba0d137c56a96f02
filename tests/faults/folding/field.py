"""A fault of the projector: fresh topics, a database of its own, a history, workers, and the judgement."""

import asyncio
import itertools
import random
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from deploy.local.postgres import SUPERUSER, Postgres
from schemas import instant, topics
from services.projector.app import PACKAGES, SCHEMA
from services.runtime.errors import Transient
from services.runtime.migrations import apply
from tests.faults.folding.asking import Asking, NotAnsweredError, Stated, asking
from tests.faults.folding.feed import Feed, now
from tests.faults.folding.judging import judge
from tests.faults.folding.observer import Observer
from tests.faults.folding.story import Figure, Ledger, Mail, Place, Story, Told
from tests.faults.folding.topics import fresh_topics
from tests.faults.folding.worker import Worker
from tests.faults.ground import PARTITIONS, Ground, Row
from tests.support.eventually import eventually

SETTLED_SECONDS = 120.0
_FACTS_SECONDS = 30.0
_TEMPLATE = "inkling_folding"
_TOLD = 5
_numbers = itertools.count(1)


class Field:
    """What one fault is done to, and how it is judged."""

    def __init__(
        self, ground: Ground, servers: str, server: Postgres, database: str, partitions: int
    ) -> None:
        self.ground = ground
        self.servers = servers
        self.server = server
        self.database = database
        self.chance = random.Random(ground.seed)  # noqa: S311 a choice, not a secret
        self.ledger = Ledger()
        self.feed = Feed(servers, partitions, self.ledger)
        self.story = Story(ground.seed, now=now(), partitions=partitions)
        self.observer = Observer(self.url(SUPERUSER))
        self.workers: list[Worker] = []
        self.broken: list[str] = []
        self.once = True
        """Whether nothing is done that may have a fact published again, under its id."""
        self._figures: dict[Place, Figure] = {}
        self._stated = Stated(servers)

    @property
    def tenants(self) -> list[str]:
        return [str(tenant) for tenant in self.story.tenants]

    def url(self, login: str) -> str:
        """Return the address of the database for a login, or for the superuser."""
        return self.server.url(login, self.database)

    def worker(self, name: str = "projector-1", **more: Any) -> Worker:
        """Make a projector that is not started yet."""
        more.setdefault("servers", self.servers)
        more.setdefault("writer_url", self.url("inkling_projector_writer"))
        more.setdefault("reader_url", self.url("inkling_projector_reader"))
        worker = Worker(stack=self.ground.stack, name=name, **more)
        self.workers.append(worker)
        return worker

    def hold(self, so: bool, sentence: str) -> None:
        """Note what does not hold."""
        if not so:
            self.broken.append(sentence)

    async def settled(
        self, worker: Worker, mails: Sequence[Mail] | None = None, seconds: float = SETTLED_SECONDS
    ) -> float:
        """Have every partition be folded up to now, ask at the doors, and read the facts; returns how long it took.

        A mail of each partition is opened once more: when that is seen, all before it in its partition is in.
        """
        begun = time.monotonic()
        await self.probed(worker, mails, seconds)
        took = time.monotonic() - begun
        async with asking(self.ground.stack, worker.url) as doors:
            try:
                await eventually(lambda: self._named(doors), _FACTS_SECONDS)
            except TimeoutError:
                self.broken.append("a subject is not what was told of its mail")
            self._figures = await doors.figures(self.tenants)
        wanted = self.ledger.facts()

        async def all_stated() -> bool:
            with suppress(Transient, TimeoutError):
                await self._stated.read_on()
            return wanted <= self._stated.ids.keys()

        with suppress(TimeoutError):  # judged below, fact by fact
            await eventually(all_stated, _FACTS_SECONDS)
        return took

    async def probed(
        self, worker: Worker, mails: Sequence[Mail] | None = None, seconds: float = SETTLED_SECONDS
    ) -> None:
        """Have a last open of one mail of each partition, or of these mails, be seen at a worker's doors."""
        chosen = mails if mails is not None else self._one_of_each_partition()
        probes = {str(mail.message): self.story.open_of(mail, now()) for mail in chosen}
        await self.feed.put(list(probes.values()))
        wanted = {message: _instant(one) for message, one in probes.items()}
        missing: list[str] = []

        async def seen() -> bool:
            if not worker.running:
                raise self.ground.stack.processes.died(worker.name)
            with suppress(NotAnsweredError):
                found = await doors.messages(self.tenants)
                missing[:] = [
                    message
                    for message, at in wanted.items()
                    if message not in found or (found[message]["opens"]["last_at"] or "") < at
                ]
                return not missing
            return False

        async with asking(self.ground.stack, worker.url) as doors:
            try:
                await eventually(seen, seconds)
            except TimeoutError:
                self.broken.append(
                    f"of {len(wanted)} last opens {len(missing)} are not seen after {seconds:.0f} s"
                )

    def _one_of_each_partition(self) -> list[Mail]:
        found: dict[int, Mail] = {}
        for mail in self.story.mails:
            found.setdefault(topics.partition_of(mail.key, self.story.partitions), mail)
        return list(found.values())

    async def _named(self, doors: Asking) -> bool:
        found = await doors.messages(self.tenants)
        told = {str(mail.message): mail.subject for mail in self.story.mails}
        known = {named.message for named in self.ledger.facts()}
        return all(
            row["subject"] == told[message] for message, row in found.items() if message in known
        )

    def row(self, fault: str, kill_point: str, *notes: str) -> Row:
        """Write the line of what was judged."""
        verdict = judge(self.ledger, self._figures, self._stated.ids)
        told = [*notes, f"{self.feed.records} records", f"{len(self.ledger.facts())} facts"]
        if verdict.again:
            told.append(f"{verdict.again} of them published again under their ids")
            self.hold(not self.once, f"{verdict.again} facts were published twice")
        return Row(
            fault=fault,
            seed=self.ground.seed,
            kill_point=kill_point,
            acknowledged=self.ledger.hits,
            counted=verdict.counted,
            lost=verdict.lost,
            doubled=verdict.doubled,
            notes="; ".join(told),
            broken=[
                *self.broken,
                *verdict.differences[:_TOLD],
                *self.observer.gone_back[:_TOLD],
            ],
        )


def _instant(one: Told) -> str:
    return instant.text(one.envelope.occurred_at)


@asynccontextmanager
async def a_field(
    ground: Ground,
    *,
    servers: str | None = None,
    server: Postgres | None = None,
    partitions: int = PARTITIONS,
    replication: int = 1,
) -> AsyncIterator[Field]:
    """Have fresh topics and a fresh database, of the ground's Kafka and PostgreSQL unless others are given."""
    servers = servers or ground.servers
    if servers == ground.servers and not ground.stack.processes.is_running("kafka"):
        # A case before gave up while it was away.
        await ground.start_kafka()
    await fresh_topics(servers, partitions, replication)
    async with AsyncExitStack() as stack:
        if server is None:
            server = ground.stack.postgres
            await asyncio.to_thread(_with_template, server)
            await _migrated(server, _TEMPLATE)
            database = f"{_TEMPLATE}_{next(_numbers)}_{secrets.token_hex(2)}"
            create = f"create database {database} template {_TEMPLATE} strategy file_copy"
            await asyncio.to_thread(server.execute, create)
            drop = f"drop database if exists {database} with (force)"
            stack.push_async_callback(asyncio.to_thread, server.execute, drop)
        else:
            database = "inkling"
            await asyncio.to_thread(server.prepare, database)
            await _migrated(server, database)
        field = Field(ground, servers, server, database, partitions)
        stack.push_async_callback(field.feed.close)
        stack.callback(_clear, field)
        await stack.enter_async_context(field.observer.watching())
        yield field


def _with_template(server: Postgres) -> None:
    server.start()
    server.prepare(_TEMPLATE)


async def _migrated(server: Postgres, database: str) -> None:
    await apply(server.url("inkling_projector_owner", database), SCHEMA, PACKAGES)


def _clear(field: Field) -> None:
    for worker in field.workers:
        worker.clear()
