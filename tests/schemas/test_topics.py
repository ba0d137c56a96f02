from collections import Counter
from uuid import UUID

import pytest

from schemas import envelope, topics
from schemas.events import TYPES
from tests.schemas.examples import GOLDEN, Example


@pytest.mark.parametrize("example", GOLDEN, ids=lambda each: each.name)
def test_every_event_travels_on_its_topic(example: Example) -> None:
    event = envelope.decode(example.key, example.value, example.headers).event
    assert topics.of(event).name == example.topic


def test_every_type_has_a_topic() -> None:
    assert {example.topic for example in GOLDEN} == {topic.name for topic in topics.ALL}
    assert {example.name.split("/")[0] for example in GOLDEN} == set(TYPES)


def test_settings_lie_on_one_partition_and_the_rest_is_spread_alike() -> None:
    assert [topic.partitions(8) for topic in topics.ALL] == [8, 8, 8, 1]


def test_messages_spread_evenly() -> None:
    keys = [topics.message_key(UUID(int=number)) for number in range(8000)]
    counts = Counter(topics.partition_of(key, 8) for key in keys)
    assert min(counts.values()) > 800
