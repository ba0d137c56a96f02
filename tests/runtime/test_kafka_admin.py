from collections.abc import AsyncIterator

import pytest

from services.runtime.errors import Fatal
from services.runtime.kafka_admin import Admin
from services.runtime.records import TopicSpec
from tests.support.eventually import eventually
from tests.support.topics import a_name

SECONDS = 10.0


@pytest.fixture
async def admin(kafka_servers: str) -> AsyncIterator[Admin]:
    admin = Admin(kafka_servers, "tests")
    await admin.start(SECONDS)
    yield admin
    await admin.close(SECONDS)


async def test_topics_are_created_once_and_described_with_their_settings(admin: Admin) -> None:
    spec = TopicSpec(
        name=a_name(), partitions=3, replication=1, config={"cleanup.policy": "compact"}
    )
    assert await admin.create([spec], SECONDS) == [spec.name]
    assert await admin.create([spec], SECONDS) == []

    async def described() -> bool:
        return spec.name in await admin.describe([spec.name, a_name()], SECONDS)

    await eventually(described)
    found = (await admin.describe([spec.name], SECONDS))[spec.name]
    assert (found.partitions, found.replication) == (3, 1)
    assert found.config["cleanup.policy"] == "compact"
    with pytest.raises(Fatal, match="refused"):
        await admin.create(
            [TopicSpec(name=a_name(), partitions=1, replication=9, config={})], SECONDS
        )
