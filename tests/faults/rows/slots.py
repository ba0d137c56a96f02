"""The spool's bounds and slots: full, two for one slot, a slot that nobody comes back to, one tenant that fills it."""

from pathlib import Path

from deploy.local.ports import free_ports
from deploy.local.processes import ProcessDiedError
from tests.faults.accounts import Outcome
from tests.faults.ground import Ground, Row, segments
from tests.faults.rows.killing import NOBODY
from tests.faults.rows.outages import through_kafka
from tests.faults.traffic import flowing, fresh_mails, lasting
from tests.support.eventually import eventually

_SECONDS = 60.0
_ROUNDS = 20
_LEAST_SPOOL = {
    "INKLING_TRACKER_SPOOL_MAX_BYTES": "1048576",
    "INKLING_TRACKER_SPOOL_SEGMENT_BYTES": "65536",
}


async def e18(ground: Ground) -> Row:
    """The spool is full while Kafka is away: hits are refused, and nothing is removed to make room."""
    async with ground.case("e18") as case, ground.wayward() as kafka:
        await kafka.leave()
        edge = case.edge(
            servers=kafka.servers,
            settings={**_LEAST_SPOOL, "INKLING_TRACKER_SPOOL_TENANT_PERCENT": "100"},
        )
        await edge.start("/readyz")
        async with flowing(case.traffic(edge, rate=1_000.0)) as traffic:
            await eventually(lambda: traffic.statuses[503] > 50, _SECONDS)
            full = segments(edge.spool)
            told = traffic.statuses[503]
            await eventually(lambda: traffic.statuses[503] > told + 200, _SECONDS)
            there = {name.partition(".")[0] for name in segments(edge.spool)}
            gone = {name.partition(".")[0] for name in full} - there
            case.hold(not gone, f"removed without a replay: {gone}")
            await kafka.come_back()
            await through_kafka(case, edge)
        case.hold(set(traffic.statuses) <= {200, 302, 503}, f"answers {dict(traffic.statuses)}")
        case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
        await case.settled(edge)
        await case.balanced(edge)
        return case.row("E18 spool full", f"{len(full)} segments, 1 MiB")


async def e20(ground: Ground) -> Row:
    """A second tracker is told the slot of one that runs: it ends, the first one goes on."""
    async with ground.case("e20") as case:
        edge = case.edge()
        await edge.start("/readyz")
        other = case.edge("edge-2", ports=free_ports())
        async with flowing(case.traffic(edge)) as traffic:
            try:
                await other.start("/readyz")
            except ProcessDiedError as error:
                case.hold("status 0" not in str(error), "the second one ended as if all were well")
            else:
                case.broken.append("two trackers have one slot")
            other.clear()
            told = traffic.acknowledged
            await eventually(lambda: traffic.acknowledged > told + 200, _SECONDS)
        case.hold(set(traffic.statuses) <= {200, 302}, f"answers {dict(traffic.statuses)}")
        await case.settled(edge)
        return case.row("E20 one slot for two", "a second start")


async def e21(ground: Ground) -> Row:
    """Four workers die with what they have; of two that follow, each slot without a process is adopted by one, once."""
    async with ground.case("e21") as case:
        edge = case.edge(servers=NOBODY, workers=4)
        await edge.start("/readyz")
        wanted = ground.count(10_000, 800)
        # Connections go to whoever is free to take them, so one that starts late may have none of the first.
        for _ in range(_ROUNDS):
            async with flowing(case.traffic(edge)) as traffic:
                await eventually(lambda: traffic.acknowledged > wanted, 300.0)
            if _slots(edge.spool) == 4:
                break
        case.hold(_slots(edge.spool) == 4, f"not in every slot: {segments(edge.spool)}")
        edge.kill()
        edge.workers, edge.servers = 2, ground.servers
        again = ground.count(6, 0)
        for _ in range(again):
            # Of those that follow some die as well, before, while and after they adopt and replay.
            await edge.start()
            await lasting(case.chance.uniform(0.0, 0.5))
            edge.kill()
        await edge.start()
        await case.settled(edge)
        case.hold(
            bool(again) or not case.verdict.repeated,
            f"{case.verdict.repeated} events were replayed more than once",
        )
        return case.row("E21 orphaned slots", f"4 workers, then {again} times 2 that follow")


def _slots(spool: Path) -> int:
    """Count the slots in which something lies."""
    return len({name.partition("/")[0] for name in segments(spool)})


async def e26(ground: Ground) -> Row:
    """One tenant has 95 % of the hits and Kafka is away: its share fills, the others are still taken."""
    async with ground.case("e26") as case, ground.wayward() as kafka:
        await kafka.leave()
        edge = case.edge(servers=kafka.servers, settings=_LEAST_SPOOL)
        await edge.start("/readyz")
        hot, others = case.tenant, [f"{case.tenant}-{number}" for number in range(10)]

        def tenant() -> str:
            return hot if case.chance.random() < 0.95 else case.chance.choice(others)

        hits = fresh_mails(case.ring, tenant, ground.seed)
        async with flowing(case.traffic(edge, hits=hits, rate=600.0)) as traffic:
            told = traffic.by_tenant
            await eventually(lambda: told[hot, Outcome.REFUSED] > 500, _SECONDS)
            refused = sum(told[name, Outcome.REFUSED] for name in others)
            await kafka.come_back()
            await through_kafka(case, edge)
        case.hold(not refused, f"{refused} hits of others were refused")
        case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
        await case.settled(edge)
        await case.balanced(edge)
        return case.row("E26 hot tenant", f"after {told[hot, Outcome.ACKNOWLEDGED]} of its hits")
