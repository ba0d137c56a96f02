"""Kafka away: from the start, for a while under load, frozen, and back while hits come in."""

from tests.faults import counted
from tests.faults.edge import Edge
from tests.faults.ground import Case, Ground, Row, segments
from tests.faults.traffic import Traffic, flowing, lasting
from tests.support.eventually import eventually
from tests.support.freezing import frozen

_SECONDS = 60.0
_CALM_SECONDS = 1.0
_MEBIBYTE = 1024 * 1024
_ACKNOWLEDGED_WITHIN_SECONDS = 1.0
"""The deadline of Kafka is 0.25 s; the rest is a busy machine's."""


async def e10(ground: Ground) -> Row:
    """Kafka is not there when the edge starts, and comes later."""
    async with ground.case("e10") as case, ground.wayward() as kafka:
        await kafka.leave()
        edge = case.edge(servers=kafka.servers)
        await edge.start("/readyz")
        pid = edge.pid
        async with flowing(case.traffic(edge)) as traffic:
            wanted = ground.count(5_000, 300)
            await eventually(lambda: traffic.acknowledged > wanted, _SECONDS)
            spooled = traffic.acknowledged
            case.hold(bool(segments(edge.spool)), "nothing lies in the spool")
            await kafka.come_back()
            await through_kafka(case, edge)
        case.hold(edge.pid == pid, "the edge was started again")
        _all_told(case, traffic)
        await case.settled(edge)
        await case.balanced(edge)
        return case.row("E10 Kafka down at start", f"{spooled} hits before Kafka")


async def e11(ground: Ground) -> Row:
    """Kafka dies under load and is away for a minute."""
    async with ground.case("e11") as case:
        if ground.full:
            await counted.use_mails(case)
        edge = case.edge()
        await edge.start("/readyz")
        async with flowing(case.traffic(edge)) as traffic:
            await eventually(lambda: traffic.acknowledged > 200, _SECONDS)
            before = edge.resident_bytes()
            at = traffic.acknowledged
            await ground.kill_kafka()
            await lasting(ground.seconds(60, 2))
            during = edge.resident_bytes()
            await ground.start_kafka()
            await through_kafka(case, edge)
        _all_told(case, traffic)
        await case.settled(edge)
        await case.balanced(edge)
        after = edge.resident_bytes()
        grown = (max(during, after) - before) // _MEBIBYTE
        case.hold(grown < 64, f"memory grew by {grown} MiB")
        notes = [await counted.count(case)] if ground.full else []
        return case.row(
            "E11 Kafka down",
            f"hit {at}, for {ground.seconds(60, 2):.0f} s",
            f"p99 {traffic.slowest() * 1000:.0f} ms",
            f"memory +{grown} MiB",
            *notes,
        )


async def e12(ground: Ground) -> Row:
    """The broker is stopped by SIGSTOP and goes on with what it was sent; the last time, the edge ends meanwhile."""
    async with ground.case("e12") as case:
        if ground.full:
            await counted.use_mails(case)
        edge = case.edge()
        await edge.start("/readyz")
        lengths = (2.0, 30.0, 120.0) if ground.full else (2.0,)
        async with flowing(case.traffic(edge)) as traffic:
            await eventually(lambda: traffic.acknowledged > 100, _SECONDS)
            for length in lengths:
                with frozen([ground.kafka_pid]):
                    await lasting(length)
                await through_kafka(case, edge)
        slowest = traffic.slowest(part=0.999)
        case.hold(slowest < _ACKNOWLEDGED_WITHIN_SECONDS, f"one in a thousand took {slowest:.2f} s")
        _all_told(case, traffic)
        with frozen([ground.kafka_pid]):
            async with flowing(case.traffic(edge)) as last:
                await eventually(lambda: last.acknowledged > 50, _SECONDS)
            code = await edge.stop()
        case.hold(code == 0, f"with a frozen Kafka it ended with {code}")
        await edge.start("/readyz")
        await case.settled(edge)
        notes = [await counted.count(case)] if ground.full else []
        return case.row(
            "E12 broker frozen",
            " / ".join(f"{length:.0f} s" for length in lengths),
            f"p99.9 {slowest * 1000:.0f} ms",
            *notes,
        )


async def e19(ground: Ground) -> Row:
    """A full spool is replayed while hits come in; they do not wait for it."""
    async with ground.case("e19") as case, ground.wayward() as kafka:
        await kafka.leave()
        edge = case.edge(servers=kafka.servers)
        await edge.start("/readyz")
        wanted = ground.count(60_000, 2_000)
        async with flowing(case.traffic(edge, rate=2_000.0, connections=64)) as filling:
            await eventually(lambda: filling.acknowledged > wanted, 600.0)
        await kafka.come_back()
        async with flowing(case.traffic(edge)) as traffic:
            await eventually(lambda: traffic.acknowledged > 200, _SECONDS)
            await case.settled(edge)
        slowest = traffic.slowest()
        _all_told(case, traffic)
        case.hold(slowest < 0.5, f"p99 of live hits was {slowest:.2f} s")
        await case.settled(edge)
        await case.balanced(edge)
        return case.row(
            "E19 replay under load",
            f"{filling.acknowledged} hits in the spool",
            f"p99 of live hits {slowest * 1000:.0f} ms",
        )


async def in_kafka(edge: Edge) -> float:
    """Return how many hits Kafka has acknowledged to this edge since its start."""
    return (await edge.metrics()).sum("inkling_tracker_publish_acknowledged_total")


async def through_kafka(case: Case, edge: Edge, seconds: float = _SECONDS) -> None:
    """Wait until new hits are safe in Kafka again, with no help and no restart."""
    before = await in_kafka(edge)

    async def more() -> bool:
        return await in_kafka(edge) > before

    try:
        await eventually(more, seconds)
    except TimeoutError:
        case.broken.append(f"no hit went to Kafka within {seconds:.0f} s after it was back")


def _all_told(case: Case, traffic: Traffic) -> None:
    case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
    case.hold(set(traffic.statuses) <= {200, 302}, f"answers {dict(traffic.statuses)}")
