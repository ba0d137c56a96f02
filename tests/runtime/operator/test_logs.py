"""What an operator is told of logs: what they have, and what lies at the places that a decision hangs on."""

import pytest

from services.runtime.checkpoint import digest
from services.runtime.clock import SystemClock
from services.runtime.errors import Transient
from services.runtime.halts import Extent
from services.runtime.leases import Lane
from services.runtime.operator.logs import extents, places
from tests.runtime.test_consumer import numbered, outgoing
from tests.support.topics import a_topic, produce, read


async def test_what_kafka_does_not_have_is_left_out(kafka_servers: str) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, outgoing(numbered(0, 3)))
    found = await extents(kafka_servers, [lane, Lane(topic, 7), Lane("not-there", 0)])
    assert list(found) == [lane]
    assert (found[lane].begin, found[lane].end) == (0, 3)


async def test_places_are_known_by_their_records_and_those_outside_the_log_by_nothing(
    kafka_servers: str,
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, outgoing(numbered(0, 6)))
    log = (await extents(kafka_servers, [lane]))[lane]
    found = await places(kafka_servers, lane, [5, -1, 2, 6, 9], log, SystemClock())
    there = {one.offset: digest(one) for one in await read(kafka_servers, topic, 6)}
    assert found.found == {5: (5, there[5]), 2: (2, there[2])}


async def test_a_kafka_that_is_away_is_told() -> None:
    with pytest.raises(Transient, match="kafka"):
        await places("127.0.0.1:1", Lane("events", 0), [1], Extent(0, 5, None), SystemClock())
