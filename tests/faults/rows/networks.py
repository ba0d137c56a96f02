"""The way to Kafka: answers lost, silence both ways, other ports, batches refused."""

import aiokafka.admin
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas import topics
from tests.faults import counted
from tests.faults.ground import Ground, Row
from tests.faults.rows.outages import through_kafka
from tests.faults.traffic import flowing, lasting
from tests.support.brokers import through_a_proxy
from tests.support.eventually import eventually
from tests.support.proxy import proxying

_SECONDS = 60.0
_REQUEST_SECONDS = 5.0
"""What a producer waits for an answer before it holds a connection for dead."""


async def e13(ground: Ground) -> Row:
    """The broker appends batches, and its answers are lost with their connections."""
    async with ground.case("e13") as case, ground.proxy() as proxy:
        if ground.full:
            await counted.use_mails(case)
        edge = case.edge(servers=f"127.0.0.1:{proxy.port}")
        await edge.start("/readyz")
        async with flowing(case.traffic(edge)) as traffic:
            await eventually(lambda: traffic.acknowledged > 100, _SECONDS)
            for _ in range(ground.count(20, 3)):
                proxy.answers_to_lose = case.chance.randint(1, 4)
                await eventually(lambda: not proxy.answers_to_lose, _SECONDS)
                await through_kafka(case, edge)
        case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
        await case.settled(edge)
        case.hold(
            case.verdict.repeated + proxy.answers_lost > 0, "no answer was lost, nothing was tested"
        )
        notes = [await counted.count(case)] if ground.full else []
        return case.row("E13 answer lost", f"{proxy.answers_lost} answers after the append", *notes)


async def e14(ground: Ground) -> Row:
    """Kafka's connections go silent both ways and stay open; what was held back arrives late, or is cut."""
    async with ground.case("e14") as case, ground.proxy() as proxy:
        edge = case.edge(servers=f"127.0.0.1:{proxy.port}")
        await edge.start("/readyz")
        async with flowing(case.traffic(edge)) as traffic:
            for cut in (False, True):
                told = traffic.acknowledged
                await eventually(lambda: traffic.acknowledged > told + 100, _SECONDS)  # noqa: B023
                proxy.silence()
                await lasting(ground.seconds(30, 2))
                if cut:
                    proxy.cut()
                proxy.speak()
                await through_kafka(case, edge)
        slowest = traffic.slowest(part=0.999)
        case.hold(slowest < 1.0, f"one in a thousand took {slowest:.2f} s")
        case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
        await case.settled(edge)
        return case.row(
            "E14 half-open connection",
            f"twice {ground.seconds(30, 2):.0f} s",
            f"p99.9 {slowest * 1000:.0f} ms",
        )


async def e15(ground: Ground) -> Row:
    """A hole in a producer's sequence: batches that expire, and batches that the topic holds for too large."""
    async with ground.case("e15") as case:
        edge = case.edge()
        await edge.start("/readyz")
        async with flowing(case.traffic(edge)) as traffic:
            await eventually(lambda: traffic.acknowledged > 100, _SECONDS)
            await ground.kill_kafka()
            await lasting(_REQUEST_SECONDS * 1.5)
            await ground.start_kafka()
            await through_kafka(case, edge, 15.0)
            await _limit(ground.servers, 900)
            try:
                told = traffic.acknowledged
                await eventually(
                    lambda: traffic.acknowledged > told + ground.count(5_000, 500), _SECONDS
                )
            finally:
                await _limit(ground.servers, 1_048_588)
            await through_kafka(case, edge, 15.0)
        case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
        case.hold(set(traffic.statuses) <= {200, 302}, f"answers {dict(traffic.statuses)}")
        await case.settled(edge)
        await case.balanced(edge)
        return case.row(
            "E15 sequence hole", "an outage past the time-out, batches refused as large"
        )


async def _limit(servers: str, max_bytes: int) -> None:
    """Set how large a batch the topic of events takes."""
    admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        settings = {**topics.KEEP, "max.message.bytes": str(max_bytes)}
        await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topics.EVENTS.name, configs=settings)]
        )
    finally:
        await admin.close()


async def e17(ground: Ground) -> Row:
    """Kafka comes back on other ports; only the way to find it stays the same."""
    async with ground.case("e17") as case:
        broker = ground.stack.broker
        configured, ports = broker.more, ground.stack.ports
        first, second = ports.base + 96, ports.base + 97
        try:
            broker.more = through_a_proxy(ports, first, first)
            await ground.kill_kafka()
            await ground.start_kafka()
            async with proxying(first) as bootstrap:
                edge = case.edge(servers=f"127.0.0.1:{bootstrap.port}")
                await edge.start("/readyz")
                async with flowing(case.traffic(edge)) as traffic:
                    await through_kafka(case, edge)
                    await ground.kill_kafka()
                    bootstrap.cut()
                    broker.more, bootstrap.target = through_a_proxy(ports, second, second), second
                    await ground.start_kafka()
                    await through_kafka(case, edge)
                    await case.settled(edge)
                case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
                await case.settled(edge)
        finally:
            broker.more = configured
            await ground.kill_kafka()
            await ground.start_kafka()
        return case.row("E17 ports change", "a restart on other ports")
