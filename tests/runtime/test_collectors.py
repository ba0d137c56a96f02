"""What the runtime's parts tell of themselves."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from services.runtime.collectors import Readings
from services.runtime.errors import Transient
from services.runtime.postgres import Pool
from services.runtime.publisher import Limits, Publisher
from tests.support.clock import ManualClock
from tests.support.stack import Database


def test_the_publishers_figures_are_read_when_asked() -> None:
    registry = CollectorRegistry()
    publisher = Publisher("127.0.0.1:1", "test", ManualClock(), Limits(bytes_in_flight=9000))
    Readings("tracker", registry).publisher(publisher)
    publisher.bytes_in_flight, publisher.failed = 4096, 2
    value = registry.get_sample_value
    assert value("inkling_tracker_producer_incarnations_total") == 0
    assert value("inkling_tracker_unacknowledged_bytes") == 4096
    assert value("inkling_tracker_unacknowledged_limit_bytes") == 9000
    assert value("inkling_tracker_oldest_unacknowledged_seconds") == 0
    assert value("inkling_tracker_publish_failed_total") == 2


async def test_a_pool_shows_who_has_a_connection_and_who_waits(database: Database) -> None:
    registry = CollectorRegistry()
    url = database.url("projector_writer")
    async with Pool(url, application="test", schema="projector", size=1) as pool:
        Readings("projector", registry).pool("writer", pool)

        def value(name: str) -> float | None:
            return registry.get_sample_value(f"inkling_projector_pool_{name}", {"pool": "writer"})

        assert (value("connections_in_use"), value("connections_limit")) == (0, 1)
        async with asyncio.timeout(20), pool.acquire():
            assert value("connections_in_use") == 1
            with pytest.raises(Transient):
                async with pool.acquire(seconds=0.05):
                    raise AssertionError("there is only one connection")
            async with asyncio.TaskGroup() as tasks:
                waiting = tasks.create_task(pool.fetchval("select 1"))
                await asyncio.sleep(0)
                assert value("waiting") == 1
                waiting.cancel()
        assert (value("connections_in_use"), value("waiting")) == (0, 0)
        assert value("lent_total") == 1
        assert (value("wait_seconds_total") or 0) >= 0.05
