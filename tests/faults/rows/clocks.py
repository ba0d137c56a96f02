"""Clocks that are wrong: two edges an hour off, one of them by ever another hour."""

from deploy.local.ports import free_ports
from tests.faults.ground import Ground, Row
from tests.faults.traffic import flowing, lasting
from tests.support.eventually import eventually

_SECONDS = 60.0
_JUMPING = "tests.faults.jumping"


async def e22(ground: Ground) -> Row:
    """One edge's time of day jumps by an hour to and fro, another's is an hour late; Kafka goes and comes back."""
    async with ground.case("e22") as case:
        jumps = {"JUMPS": "0,3600,-3600,3600,0,-3600"}
        late = {"JUMPS": "-3600"}
        edges = [
            case.edge("edge-1", module=_JUMPING, settings=jumps),
            case.edge(
                "edge-2",
                module=_JUMPING,
                settings=late,
                ports=free_ports(),
                spool=case.folder / "spool-2",
            ),
        ]
        for edge in edges:
            await edge.start("/readyz")
        rate = ground.rate / 2
        async with (
            flowing(case.traffic(edges[0], rate=rate)) as first,
            flowing(case.traffic(edges[1], rate=rate)) as second,
        ):
            wanted = ground.count(2_000, 200)
            await eventually(lambda: min(first.acknowledged, second.acknowledged) > wanted, 300.0)
            await ground.kill_kafka()
            await lasting(ground.seconds(10, 2))
            await ground.start_kafka()
            told = first.acknowledged
            await eventually(lambda: first.acknowledged > told + wanted, 300.0)
        for traffic in (first, second):
            case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
            case.hold(set(traffic.statuses) <= {200, 302}, f"answers {dict(traffic.statuses)}")
        await case.settled(*edges)
        slowest = max(first.slowest(), second.slowest())
        case.hold(slowest < 1.0, f"p99 {slowest:.2f} s")
        found = sum(len({copy.event_id for copy in each}) for each in case.reading.found.values())
        case.hold(found == len(case.reading.ids), "two hits have one id")
        return case.row("E22 clocks jump", "±1 h each 0.7 s; another 1 h late")
