"""Many of the faults at once, in an order that the seed decides."""

import os
import signal
from collections import Counter
from contextlib import suppress

from deploy.local import identity
from tests.faults import counted
from tests.faults.edge import Edge
from tests.faults.ground import Case, Ground, Row
from tests.faults.rows.outages import through_kafka
from tests.faults.traffic import Traffic, flowing, lasting
from tests.support.eventually import eventually
from tests.support.freezing import frozen
from tests.support.proxy import Proxy


class _Breaking:
    """Each of its methods breaks something and mends it again."""

    def __init__(self, case: Case, edge: Edge, proxy: Proxy) -> None:
        self._case = case
        self._edge = edge
        self._proxy = proxy
        self._chance = case.chance

    async def kafka_dies(self) -> None:
        await self._case.ground.kill_kafka()
        await self._some_seconds(5.0)
        await self._case.ground.start_kafka()

    async def kafka_freezes(self) -> None:
        with frozen([self._case.ground.kafka_pid]):
            await self._some_seconds(4.0)

    async def answers_are_lost(self) -> None:
        self._proxy.answers_to_lose = self._chance.randint(1, 5)
        await self._some_seconds(1.0)

    async def the_network_is_silent(self) -> None:
        self._proxy.silence()
        await self._some_seconds(4.0)
        if self._chance.random() < 0.5:
            self._proxy.cut()
        self._proxy.speak()

    async def the_network_is_slow(self) -> None:
        self._proxy.delay_seconds = self._chance.choice((0.1, 0.2, 0.3))
        await self._some_seconds(4.0)
        self._proxy.delay_seconds = 0.0

    async def a_worker_dies(self) -> None:
        with suppress(ProcessLookupError):  # it was about to end
            os.kill(self._chance.choice(identity.children(self._edge.pid)), signal.SIGKILL)
        await self._edge.until("/livez")

    async def the_workers_are_replaced(self) -> None:
        self._edge.signal(signal.SIGHUP)
        await self._some_seconds(3.0)

    async def all_die(self) -> None:
        self._edge.kill()
        await self._edge.start()

    async def all_end(self) -> None:
        code = await self._edge.stop()
        self._case.hold(code == 0, f"told to end, it ended with {code}")
        await self._edge.start()

    async def _some_seconds(self, most: float) -> None:
        await lasting(self._chance.uniform(0.2, most))


_WAYS = (
    _Breaking.kafka_dies,
    _Breaking.kafka_freezes,
    _Breaking.answers_are_lost,
    _Breaking.the_network_is_silent,
    _Breaking.the_network_is_slow,
    _Breaking.a_worker_dies,
    _Breaking.the_workers_are_replaced,
    _Breaking.all_die,
    _Breaking.all_end,
)


async def together(ground: Ground) -> Row:
    """Kafka, its network and the workers are broken one after the other, sometimes before the last is mended."""
    async with ground.case("together") as case, ground.proxy() as proxy:
        if ground.full:
            await counted.use_mails(case)
        edge = case.edge(servers=f"127.0.0.1:{proxy.port}", workers=2)
        await edge.start()
        breaking = _Breaking(case, edge, proxy)
        done: Counter[str] = Counter()
        async with flowing(case.traffic(edge)) as traffic:
            for _ in range(ground.count(60, 6)):
                way = case.chance.choice(_WAYS)
                done[way.__name__] += 1
                await way(breaking)
                await _calm(case, traffic)
            proxy.answers_to_lose = 0
            await through_kafka(case, edge, 120.0)
        await case.settled(edge)
        notes = [await counted.count(case)] if ground.full else []
        ways = ", ".join(f"{count} {name}" for name, count in sorted(done.items()))
        return case.row("all together", f"{done.total()} faults", ways, *notes)


async def _calm(case: Case, traffic: Traffic) -> None:
    """Let some hits be told safe, or break the next thing at once."""
    if case.chance.random() < 0.3:
        return
    told = traffic.acknowledged
    # Where the last fault leaves no hit safe for so long, the next one comes.
    with suppress(TimeoutError):
        await eventually(lambda: traffic.acknowledged > told + 50, 10.0)
