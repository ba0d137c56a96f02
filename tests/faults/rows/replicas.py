"""Three brokers of which an acknowledgement needs two: two are stopped, and the third may not acknowledge alone."""

import asyncio

from tests.faults.ground import Ground, Row
from tests.faults.rows.outages import in_kafka, through_kafka
from tests.faults.traffic import flowing, lasting
from tests.support.brokers import a_cluster, create_topics
from tests.support.eventually import eventually

_SECONDS = 120.0


async def e16(ground: Ground) -> Row:
    """Two of three brokers stop under load: what is acknowledged meanwhile is in the spool, none of it in Kafka."""
    folder = ground.stack.objects.parent / "cluster"
    cluster = a_cluster(folder, ground.stack.processes)
    brokers = await asyncio.to_thread(cluster.__enter__)
    try:
        await create_topics(brokers.servers, replication=3)
        async with ground.case("e16", brokers.servers) as case:
            edge = case.edge(servers=brokers.servers)
            await edge.start("/readyz")
            async with flowing(case.traffic(edge)) as traffic:
                await through_kafka(case, edge)
                for broker in brokers.brokers[1:]:
                    await asyncio.to_thread(broker.stop)
                at = traffic.acknowledged
                # Those on their way when the second one went may still have been acknowledged by two.
                await eventually(lambda: traffic.acknowledged > at + 200, _SECONDS)
                before = await in_kafka(edge)
                await lasting(ground.seconds(20, 3))
                after = await in_kafka(edge)
                case.hold(
                    after == before, f"{after - before:.0f} acknowledged by Kafka with one replica"
                )
                for broker in brokers.brokers[1:]:
                    await asyncio.to_thread(broker.start)
                await through_kafka(case, edge, _SECONDS)
            case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
            case.hold(set(traffic.statuses) <= {200, 302}, f"answers {dict(traffic.statuses)}")
            await case.settled(edge)
            return case.row("E16 too few replicas", f"hit {at}, two of three brokers")
    finally:
        await asyncio.to_thread(cluster.__exit__, None, None, None)
