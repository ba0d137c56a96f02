"""One seed: servers, workers, records that come in and faults; what does not hold is in the outcome."""

import hashlib
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from services.runtime.consumer import FencedConsumer, TopicPlan
from services.runtime.halts import HaltReason
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from tests.simulation.broker import Broker
from tests.simulation.database import Database, Statement, Transaction
from tests.simulation.faults import FAULTY_SECONDS, LANES, WORKERS, Fault, draw
from tests.simulation.fold import Mended
from tests.simulation.injection import inject
from tests.simulation.judge import Judge
from tests.simulation.loop import SimulatedLoop
from tests.simulation.statements import statements
from tests.simulation.worker import Worker

DRAIN_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.5
# Until every worker has asked for the ends of its lanes, its time-outs and its waits before.
_NOTICED_SECONDS: Final = 12.0
_IDS: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one seed went."""

    seed: int
    faults: tuple[Fault, ...]
    broken: tuple[str, ...]
    trace: tuple[str, ...]
    commits: int
    seconds: float
    """Simulated."""

    @property
    def digest(self) -> str:
        """Return what tells two runs apart."""
        return hashlib.blake2b("\n".join(self.trace).encode(), digest_size=8).hexdigest()

    def without_trace(self) -> "Outcome":
        """Return the same without what it did."""
        return replace(self, trace=())


class Load:
    """What comes into the log: many ids more than once, some records that cannot be folded."""

    def __init__(self, broker: Broker, chance: random.Random) -> None:
        self._broker = broker
        self._chance = chance
        self._numbers = itertools.count()
        self.held_back: set[Lane] = set()
        """Lanes that get nothing yet: a log that grew past where it was cut off cannot be told from what it was."""

    def write(self, lane: Lane, records: int) -> None:
        """Append so many."""
        if lane in self.held_back:
            return
        for _ in range(records):
            self._broker.append(lane, self._value())
        if self._chance.random() < 0.1 and records:
            self._broker.logs[lane].leave_gap(self._chance.randint(1, 3))
            self._broker.append(lane, self._value())

    def _value(self) -> bytes:
        which = self._chance.random()
        if which < 0.02:
            return b"bad b%d none" % next(self._numbers)
        if which < 0.035:
            return b"sql s%d none" % next(self._numbers)
        number = next(self._numbers) if which < 0.75 else self._chance.randrange(_IDS)
        return b"good %d k%d" % (number, number % 11)


class World:
    """Everything that one seed has."""

    anchored: Final = "events"

    def __init__(
        self,
        seed: int,
        faults: Sequence[Fault] | None = None,
        changed: Mapping[str, Statement] | None = None,
        consumer: type[FencedConsumer[list[Record]]] = FencedConsumer,
    ) -> None:
        self.seed = seed
        self.chance = self._stream("world")
        self.faults = tuple(draw(self._stream("faults")) if faults is None else faults)
        self.loop = SimulatedLoop(self._stream("loop"))
        self.trace: list[str] = []
        self.lanes = [Lane(self.anchored, number) for number in range(LANES)]
        self.lanes.append(Lane("settings", 0))
        self.database = Database(self.loop, self._stream("database"), statements(changed))
        self.broker = Broker(self.loop, self._stream("broker"), self.lanes)
        self.load = Load(self.broker, self._stream("load"))
        self.judge = Judge(self.database, self.broker, self.tell)
        self.workers: list[Worker] = []
        self._mended = Mended()
        self._numbers = itertools.count(1)
        self._slice_records = self.chance.choice((3, 20, 2000))
        self._consumer = consumer
        self._healed = False

    def _stream(self, name: str) -> random.Random:
        """Return chance for one purpose, so that more or less of one thing leaves the others as they were."""
        return random.Random(f"{self.seed}/{name}")  # noqa: S311 a choice, not a secret

    def tell(self, what: str) -> None:
        """Write a line of the trace."""
        self.trace.append(f"{self.loop.time() - 1000:9.4f}  {what}")

    def later(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        """Call something after a while, unless all is healed by then."""

        def unless_healed() -> None:
            if not self._healed:
                call(*arguments)

        self.loop.call_later(seconds, unless_healed)

    def start_worker(self) -> Worker:
        """Have one worker more."""
        name = f"worker-{next(self._numbers)}"
        self.tell(f"{name} starts")
        worker = Worker(
            name,
            self._stream(name),
            self.loop,
            self.database,
            self.broker,
            (
                TopicPlan(topic=self.anchored, anchored=True),
                TopicPlan(topic="settings", anchored=False),
            ),
            self._mended,
            self._slice_records,
            self._consumer,
        )
        worker.task.add_done_callback(lambda task: self._ended(worker))
        self.workers.append(worker)
        return worker

    def replace(self, seconds: float) -> None:
        """Have another worker after a while, as whoever watches over them sees to it."""
        self.later(seconds, self.start_worker)

    def _ended(self, worker: Worker) -> None:
        if self._healed and worker.process.dead:
            return
        task = worker.task
        error = None if task.cancelled() else task.exception()
        self.tell(f"{worker.process.name} has ended")
        if error is not None:
            causes = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
            self.judge.breaks(f"{worker.process.name} died of {causes[0]!r}")
        elif not worker.stopping:
            self.judge.breaks(f"{worker.process.name} ended by itself")

    def run(self) -> Outcome:
        """Let everything happen."""
        self.loop.set_exception_handler(lambda loop, context: None)
        try:
            self.loop.run_until_complete(self._run())
        finally:
            self._dismantle()
        return Outcome(
            seed=self.seed,
            faults=self.faults,
            broken=tuple(self.judge.broken),
            trace=tuple(self.trace),
            commits=self.judge.commits,
            seconds=self.loop.time() - 1000.0,
        )

    async def _run(self) -> None:
        for lane in self.lanes:
            self.load.write(lane, self.chance.randint(0, 40))
        for _ in range(WORKERS):
            self.start_worker()
        for fault in self.faults:
            self.later(fault.at, inject, self, fault)
        for _ in range(30):
            at = self.chance.uniform(0.0, FAULTY_SECONDS)
            self.later(
                at, self.load.write, self.chance.choice(self.lanes), self.chance.randint(1, 8)
            )
        await self._sleep(self._faulty_seconds())
        self._heal()
        if self.load.held_back:
            await self._sleep(_NOTICED_SECONDS)
            self.load.held_back.clear()
        for lane in self.lanes:
            self.load.write(lane, 2)
        await self._drain()
        if not self.judge.broken:
            self.judge.conclude()

    def _faulty_seconds(self) -> float:
        """Return when the last fault is over; without faults there is nothing to wait for."""
        return (
            min(FAULTY_SECONDS, max((one.at + one.seconds for one in self.faults), default=0.0))
            + 2.0
        )

    async def _sleep(self, seconds: float) -> None:
        waiting = self.loop.create_future()
        self.loop.call_later(seconds, waiting.set_result, None)
        await waiting

    def _heal(self) -> None:
        """End all faults; what is dead stays dead."""
        self.tell("all faults are over")
        self._healed = True
        self.database.start()
        self.database.slow = self.database.cutting = 0.0
        self.broker.up, self.broker.failing, self.broker.quiet = True, 0.0, 0.0
        for transaction in set(self.database.locks.values()):
            if transaction.worker == "operator":
                self.database.release(transaction)
        for worker in self.workers:
            worker.process.thaw()
            if not worker.process.dead:
                worker.process.cut_off.clear()
        while len([one for one in self.workers if one.works]) < 2:
            self.start_worker()

    async def _drain(self) -> None:
        until = self.loop.time() + DRAIN_SECONDS
        while wanting := self._wanting():
            if self.loop.time() > until:
                self.judge.breaks(f"after {DRAIN_SECONDS:.0f} s {'; '.join(wanting)}")
                return
            self._operate()
            await self._sleep(_LOOK_SECONDS)
        self.tell("all is in")

    def _wanting(self) -> list[str]:
        """Say what is still to be done before all is as it should be."""
        wanting = []
        rows = {
            Lane(key[2], key[3]): row for key, row in self.database.tables["checkpoint"].items()
        }
        working = {one.consumer.worker: one for one in self.workers if one.works}
        for lane in self.lanes:
            row, log = rows.get(lane), self.broker.logs[lane]
            if row is None or row["next_offset"] is None:
                wanting.append(f"{lane} is not begun")
                continue
            left = [one for one in log.records if one >= row["next_offset"]]
            beyond = row["next_offset"] > log.end
            if left or row["halted"] or beyond:
                wanting.append(
                    f"{lane} is at {row['next_offset']}, halted: {row['halted']}, {len(left)} left of {log.end}"
                )
            holder = working.get(row["owner"])
            if holder is None or row["lease_until"] < self.loop.time():
                wanting.append(f"{lane} is nobody's")
            holders = [one for one in working.values() if lane in one.consumer.lanes()]
            if holders != [holder]:
                wanting.append(f"{lane} is held by {len(holders)}")
        told = [(one.process.name, one.consumer.healthy()) for one in working.values()]
        return wanting + [f"{name} says {trouble}" for name, trouble in told if trouble]

    def _operate(self) -> None:
        """Do what an operator does about lanes that are halted: mend what was broken, and let them go on."""
        for key, row in list(self.database.tables["checkpoint"].items()):
            if not row["halted"]:
                continue
            transaction = Transaction(self.database, "operator")
            if not transaction.lock(key):
                continue
            lane = Lane(key[2], key[3])
            self.tell(f"the operator lets {lane} go on, halted for {row['halted']}")
            changes: dict[str, Any] = {"halted": None}
            if row["halted"] not in (HaltReason.CORRUPT_RECORD, HaltReason.POISON_FLOOD):
                # What was folded is known by its id, so that it may be read again.
                begin = self.broker.logs[lane].begin
                changes |= {"next_offset": begin, "anchor": None, "topic_id": None}
            self.broker.logs[lane].damaged.clear()
            self._mended.yes = True
            transaction.put(key, row | changes)
            self.database.commit(transaction)

    def _dismantle(self) -> None:
        """End everything, so that nothing of it is found by a later seed."""
        self._healed = True
        self.database.stop()
        self.broker.up = False
        tasks = [worker.task for worker in self.workers if not worker.task.done()]
        for worker in self.workers:
            worker.process.dead = True
            self.loop.resume(worker.process.name)
            worker.task.cancel()

        async def ended() -> None:
            # Again and again: a roll-back that fails takes the place of the cancellation that caused it.
            while left := [task for task in tasks if not task.done()]:
                for task in left:
                    task.cancel()
                await self._sleep(10.0)

        self.loop.run_until_complete(ended())
        self.loop.close()
