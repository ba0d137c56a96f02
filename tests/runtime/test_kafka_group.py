"""A group that nobody is a member of, beside one of its name that has members."""

import pytest
from aiokafka import AIOKafkaConsumer

from services.runtime.errors import Transient
from services.runtime.kafka_group import Group
from services.runtime.leases import Lane
from tests.support.topics import SECONDS, a_name, a_topic


async def test_a_name_that_a_real_group_uses_is_refused_and_that_group_is_not_disturbed(
    kafka_servers: str,
) -> None:
    topic, name = await a_topic(kafka_servers), a_name()
    member = AIOKafkaConsumer(topic, bootstrap_servers=kafka_servers, group_id=name)
    await member.start()
    group = Group(kafka_servers, "tests-group", name)
    try:
        with pytest.raises(Transient):
            await group.commit({Lane(topic, 0): 0}, SECONDS)
        assert member.assignment()
    finally:
        await group.close(SECONDS)
        await member.stop()
