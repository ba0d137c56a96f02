"""Puts the tracker together."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from services.runtime.clock import Clock, Deadline
from services.runtime.incarnations import producers
from services.runtime.lifecycle import Life
from services.runtime.objects import open_objects
from services.runtime.operations import operate
from services.tracker.books import Books
from services.tracker.config import Config
from services.tracker.doors import Doors
from services.tracker.figures import Figures, Parts
from services.tracker.files.file_doors import FileDoors
from services.tracker.files.sending import Sender
from services.tracker.files.shelf import Shelf
from services.tracker.front.listener import Bounds, Front, listen
from services.tracker.front.traffic import Traffic
from services.tracker.front.web import public_application
from services.tracker.journal import Journal, Limits
from services.tracker.metrics import Metrics
from services.tracker.mint import Mint
from services.tracker.refusals.keeper import Refusals
from services.tracker.replay import Pace, Replay
from services.tracker.spool.spool import Spool
from services.tracker.workers.seat import ALONE, Seat


@asynccontextmanager
async def build(config: Config, life: Life, seat: Seat = ALONE) -> AsyncIterator[None]:
    """Serve the doors while the context is open, with Kafka there or not; then drain.

    First no more hits are taken and the open ones end, then Kafka gets what it takes in time and the spool the rest.
    """
    registry = CollectorRegistry()
    counted = Metrics(registry)
    kept = parts(config, life.clock, seat, counted)
    _, _, journal, spool, replay, refusals = kept
    Figures(registry, kept)
    life.checks.add("journal", journal.problem)
    open_to_all = asyncio.Event()
    life.checks.add("listening", lambda: None if open_to_all.is_set() else "not yet")
    books = Books(journal, refusals, counted)
    mint = Mint(config.edge, life.clock, os.urandom)
    doors = Doors(config.token_keys, books, mint, counted)
    # The object store is no reason to be unready: pixels and links need none, and another tracker has the same one.
    shelf = Shelf(open_objects(config.objects), life.clock, counted)
    files = FileDoors(config.token_keys, books, mint, shelf, life.clock, counted)
    app = public_application(doors, files, Sender(counted), config.trusted_proxies)
    front = Front(
        app=app,
        doors=doors,
        traffic=Traffic(registry),
        trusted=config.trusted_proxies,
        bounds=Bounds.of(config.limits),
    )
    async with operate(seat.doors(config.doors), life, registry):
        await spool.open()
        await refusals.load()
        life.tasks.create_task(journal.run(), name="journal")
        life.tasks.create_task(refusals.run(), name="refusals")
        life.tasks.create_task(spool.run(), name="spool")
        replaying = life.tasks.create_task(replay.run(), name="replay")
        try:
            async with listen(front, config.doors.host, config.doors.port, life, seat.listening):
                open_to_all.set()
                yield
        finally:
            replaying.cancel()
            await journal.drain(Deadline.after(life.clock, life.remaining()))
            await spool.close(Deadline.after(life.clock, life.remaining()))
            await refusals.save()


def parts(config: Config, clock: Clock, seat: Seat, counted: Metrics) -> Parts:
    """Make what makes hits safe; nothing is opened or connected by it."""
    client = seat.client(config.edge)
    servers = config.kafka.servers
    spool = Spool(config.spool, seat.slot, clock, os.urandom, observe=counted.synced)
    limits = Limits(
        flush_seconds=config.flush_seconds,
        kafka_seconds=config.kafka_seconds,
        bytes_in_flight=config.limits.bytes_in_flight,
    )

    journal = Journal(producers(servers, client), spool, clock, limits, counted.acknowledged)
    refusals = Refusals(
        servers=servers,
        client_id=f"{client}-settings",
        spool=config.spool.folder,
        clock=clock,
    )
    build_producer = producers(servers, f"{client}-replay")
    pace = Pace(good_seconds=config.kafka_seconds)
    replay = Replay(build_producer, spool, refusals, journal, counted.received, clock, pace)
    return Parts(config, counted, journal, spool, replay, refusals)
