"""What operators see of running services: Kafka's own lag tool, and the table of lanes."""

import asyncio
from collections.abc import Sequence

import pytest

from deploy.local.stack import Stack
from services.alerts.app import GROUP as ALERTS
from services.alerts.app import TOPICS as ALERTS_TOPICS
from services.projector.app import GROUP as PROJECTOR
from services.projector.app import TOPICS as PROJECTOR_TOPICS
from services.runtime.consumer import TopicPlan
from tests.support.eventually import eventually
from tests.support.lag import described


@pytest.mark.parametrize(
    ("group", "plans"), [(PROJECTOR, PROJECTOR_TOPICS), (ALERTS, ALERTS_TOPICS)]
)
async def test_kafkas_own_tool_shows_how_far_each_service_is(
    stack: Stack, group: str, plans: Sequence[TopicPlan]
) -> None:
    names = {plan.topic for plan in plans}

    async def seen() -> bool:
        found = await asyncio.to_thread(described, stack.kafka, group)
        return {lane.topic for lane in found} == names and all(
            one.offset is not None and one.lag is not None and one.member == "-"
            for one in found.values()
        )

    await eventually(seen, 60)
