"""Puts the tracker together."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from services.runtime.clock import Deadline
from services.runtime.collectors import Readings
from services.runtime.lifecycle import Life
from services.runtime.objects import open_objects
from services.runtime.operations import operate
from services.runtime.publisher import Publisher
from services.tracker.books import Books
from services.tracker.config import Config
from services.tracker.doors import Doors
from services.tracker.files.file_doors import FileDoors
from services.tracker.files.sending import Sender
from services.tracker.files.shelf import Shelf
from services.tracker.front.listener import listen
from services.tracker.front.web import public_application
from services.tracker.metrics import Metrics
from services.tracker.recorder import Recorder
from services.tracker.workers.seat import ALONE, Seat


@asynccontextmanager
async def build(config: Config, life: Life, seat: Seat = ALONE) -> AsyncIterator[None]:
    """Serve the doors while the context is open, with Kafka there or not; then drain.

    First no more hits are taken and the open ones end, then what was offered is flushed.
    """
    registry = CollectorRegistry()
    counted = Metrics(registry)
    publisher = Publisher(config.kafka.servers, seat.client(config.edge), life.clock)
    Readings("tracker", registry).publisher(publisher)
    recorder = Recorder(publisher, life.clock, os.urandom, f"/tracker/{config.edge}")
    life.checks.add("kafka", recorder.problem)
    # The object store is no reason to be unready: pixels and links need none, and another tracker has the same one.
    shelf = Shelf(open_objects(config.objects), life.clock, counted)
    books = Books(recorder, life.clock, counted)
    doors = Doors(config.token_keys, books, counted, config.edge)
    files = FileDoors(config.token_keys, books, shelf, life.clock, counted, config.edge)
    app = public_application(doors, files, Sender(counted), config.trusted_proxies)
    async with operate(seat.doors(config.doors), life, registry):
        life.tasks.create_task(publisher.run(), name="publisher")
        life.tasks.create_task(recorder.learn_partitions(), name="partitions")
        try:
            async with listen(app, config.doors.host, config.doors.port, life):
                yield
        finally:
            await publisher.drain(Deadline.after(life.clock, life.remaining()))
