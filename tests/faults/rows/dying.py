"""Projectors that die, at chosen points of a transaction and at random; and ones that come and go all the time."""

import signal
from collections.abc import Callable

from tests.faults.folding.field import Field, a_field
from tests.faults.folding.worker import Worker
from tests.faults.ground import Ground, Row
from tests.faults.traffic import lasting
from tests.support.database_proxy import DatabaseProxy, Said, database_proxying
from tests.support.eventually import eventually

_SECONDS = 60.0
_POINTS = ("at BEGIN", "in the transaction", "COMMIT lost", "COMMIT done, its answer lost")


class Moment:
    """Waits for a point of a transaction on its way to PostgreSQL, and does something exactly then."""

    def __init__(self, point: str, after: int, act: Callable[[], None]) -> None:
        """`after`: how many transactions go by before; in the one, how many messages."""
        self._point = point
        self._left = after
        self._messages = after
        self._act = act
        self._within: int | None = None
        self.reached = False

    async def __call__(self, said: Said) -> None:
        if self.reached or not self._is_now(said):
            return
        self.reached = True
        self._act()
        if self._point != "in the transaction":
            # It was under way when the process died, and nobody hands it on.
            raise ConnectionAbortedError

    def _is_now(self, said: Said) -> bool:
        begins = said.statement.startswith("BEGIN")
        commits = said.statement.startswith("COMMIT")
        if begins:
            self._left -= 1
            if self._left <= 0 and self._within is None:
                self._within = said.connection
                return self._point == "at BEGIN"
        if said.connection != self._within:
            return False
        if self._point == "in the transaction" and said.by_client:
            self._messages -= 1
            return self._messages < 0 or commits
        if self._point == "COMMIT lost":
            return commits
        return self._point == "COMMIT done, its answer lost" and said.committed


async def p01(ground: Ground) -> Row:
    """A projector dies by SIGKILL: as it begins a transaction, in it, as it commits, after it has; and at random."""
    async with a_field(ground) as field, database_proxying(field.server.port) as proxy:
        field.once = False
        worker = field.worker(writer_url=through(field, proxy))
        worker.launch()
        await field.feed.put(field.story.prepared())
        await worker.until("/readyz")
        rounds = ground.count(8, 1)
        async with field.feed.flowing(field.story.living, ground.rate):
            for _ in range(rounds):
                for point in field.chance.sample(_POINTS, len(_POINTS)):
                    moment = Moment(point, field.chance.randint(1, 12), worker.kill)
                    proxy.listener = moment
                    await eventually(lambda: moment.reached, _SECONDS)  # noqa: B023
                    proxy.listener = None
                    await _again(field, worker, proxy)
                await lasting(field.chance.uniform(0.1, 1.5))
                worker.kill()
                await _again(field, worker, proxy)
        await worker.until("/readyz")
        await field.settled(worker)
        return field.row("P1 killed", f"{rounds} x {' / '.join(_POINTS)}, and at random")


async def _again(field: Field, worker: Worker, proxy: DatabaseProxy) -> None:
    proxy.cut()
    await worker.start("/livez")
    # What ten seconds do to the leases of the dead.
    await field.observer.run_out()


def through(field: Field, proxy: DatabaseProxy, login: str = "inkling_projector_writer") -> str:
    """Return the address of the database by way of a proxy."""
    return field.url(login).replace(f":{field.server.port}/", f":{proxy.port}/")


async def p04(ground: Ground) -> Row:
    """Projectors start and end every second, in order or by SIGKILL, and share twelve partitions anew each time."""
    async with a_field(ground, partitions=12) as field:
        field.once = False
        staying = field.worker("projector-0")
        staying.launch()
        await field.feed.put(field.story.prepared())
        await staying.until("/readyz")
        changes = ground.count(180, 8)
        names = [f"projector-{number}" for number in range(1, 5)]
        others = {name: field.worker(name, roles="fold") for name in names}
        async with field.feed.flowing(field.story.living, ground.rate):
            for change in range(changes):
                other = others[names[change % len(names)]]
                if other.running:
                    await _end(field, other)
                else:
                    other.launch()
                await lasting(1.0)
        await field.settled(staying)
        gone_back = not field.observer.gone_back
        field.hold(gone_back, "an offset or an epoch went back")
        return field.row("P4 ownership storm", f"{changes} starts and ends, 12 partitions")


async def _end(field: Field, other: Worker) -> None:
    if field.chance.random() < 0.3:
        other.kill()
    else:
        other.signal(signal.SIGTERM)
        await eventually(lambda: not other.running, _SECONDS)
        other.clear()


async def p19(ground: Ground) -> Row:
    """A projector has a tenth of its time: SIGSTOP and SIGCONT, over and over; its memory stays and it catches up."""
    async with a_field(ground) as field:
        # Who stands still while Kafka answers does not know of the answer, and says it again under the same ids.
        field.once = False
        worker = field.worker()
        worker.launch()
        await field.feed.put(field.story.prepared())
        await worker.until("/readyz")
        await field.probed(worker)
        before = worker.resident_bytes()
        most = before
        async with field.feed.flowing(field.story.living, ground.rate * 5) as flow:
            for _ in range(ground.count(120, 4)):
                worker.signal(signal.SIGSTOP)
                await lasting(0.9)
                worker.signal(signal.SIGCONT)
                await lasting(0.1)
                most = max(most, worker.resident_bytes())
            written = flow.written
        took = await field.settled(worker)
        most = max(most, worker.resident_bytes())
        grown = (most - before) // 1024**2
        field.hold(grown < 64, f"memory grew by {grown} MiB")
        return field.row(
            "P19 slow consumer",
            f"{written} events at a tenth of the time",
            f"memory +{grown} MiB, caught up in {took:.0f} s",
        )
