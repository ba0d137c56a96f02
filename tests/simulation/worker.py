"""One simulated worker: the service's own consumer in a process of its own."""

import asyncio
import random
from collections.abc import Sequence

from services.runtime.consumer import FencedConsumer, TopicPlan
from services.runtime.kafka import Record
from services.runtime.lifecycle import Life
from tests.simulation.broker import Broker, SimulatedReader
from tests.simulation.database import Database
from tests.simulation.driver import SimulatedPool
from tests.simulation.fold import Counting, Mended, Silent
from tests.simulation.loop import Process, SimulatedClock, SimulatedLoop

CONSUMER = "fold"
_DRAIN_SECONDS = 10.0


class Worker:
    """Runs from its making on."""

    def __init__(
        self,
        name: str,
        chance: random.Random,
        loop: SimulatedLoop,
        database: Database,
        broker: Broker,
        plans: Sequence[TopicPlan],
        mended: Mended,
        slice_records: int,
        consumer: type[FencedConsumer[list[Record]]] = FencedConsumer,
    ) -> None:
        self.process = Process(loop, name)
        self._pool = SimulatedPool(database, self.process, chance)
        self.consumer = consumer(
            CONSUMER,
            plans,
            self._pool,
            "",
            Counting(mended),
            SimulatedClock(loop),
            Silent(),
            reader=lambda servers, client: SimulatedReader(broker, self.process),
            chance=chance,
            slice_records=slice_records,
        )
        self.life: Life | None = None
        self.stopping = False
        self.task = self.process.start(self._live())

    async def _live(self) -> None:
        async with self._pool, asyncio.TaskGroup() as tasks:
            self.life = Life("simulation", tasks, _DRAIN_SECONDS)
            await self.consumer.run(self.life)

    @property
    def works(self) -> bool:
        """Tell whether it is there, neither dead nor asked to end."""
        return not (self.process.dead or self.stopping or self.task.done())

    def stop(self) -> None:
        """Ask it to end, and make it end when it takes too long, as the service does."""
        if self.works:
            self.stopping = True
            self.process.later(0.0, self._stop)

    def _stop(self) -> None:
        if self.life is None:
            self.task.cancel()
        else:
            self.life.stop()
            self.process.later(_DRAIN_SECONDS, self.task.cancel)
