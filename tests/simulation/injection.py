"""How each fault is done to a world."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from services.runtime.halts import ANOTHER_LOG, HaltReason
from tests.simulation import broker, driver
from tests.simulation.database import Transaction
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from tests.simulation.broker import Log
    from tests.simulation.worker import Worker
    from tests.simulation.world import World

_FLOOD_RECORDS = 130
_AWAY_SECONDS = 2.0


def inject(world: World, fault: Fault) -> None:
    """Do it, if there is somebody to do it to."""
    world.tell(f"FAULT {fault.kind} (who {fault.who}, {fault.seconds} s)")
    _FAULTS[fault.kind](world, fault)


def _worker(world: World, fault: Fault) -> Worker | None:
    working = [one for one in world.workers if one.works]
    return working[fault.who % len(working)] if working else None


def _log(world: World, fault: Fault) -> Log:
    lanes = [lane for lane in world.lanes if lane.topic == world.anchored]
    return world.broker.logs[lanes[fault.who % len(lanes)]]


def _crash(world: World, fault: Fault) -> None:
    """SIGKILL: the kernel closes its sockets, which the server hears after what it had been sent."""
    if worker := _worker(world, fault):
        worker.process.kill()
        for session in [one for one in world.database.sessions if one.process is worker.process]:
            world.database.later(0.01, session.leave)
        world.replace(fault.seconds)


def _host_lost(world: World, fault: Fault) -> None:
    """Its machine is gone, and nobody tells the server."""
    if worker := _worker(world, fault):
        worker.process.kill()
        worker.process.cut_off[driver.SERVER] = math.inf
        world.replace(fault.seconds)


def _freeze(world: World, fault: Fault) -> None:
    if worker := _worker(world, fault):
        worker.process.freeze()
        world.later(fault.seconds, worker.process.thaw)


def _stop(world: World, fault: Fault) -> None:
    if worker := _worker(world, fault):
        worker.stop()
        world.replace(fault.seconds)


def _start(world: World, fault: Fault) -> None:
    worker = world.start_worker()
    world.later(fault.seconds, worker.stop)


def _cut_off(world: World, fault: Fault, server: str) -> None:
    if worker := _worker(world, fault):
        worker.process.cut_off[server] = world.loop.time() + fault.seconds


def _restart(world: World, fault: Fault) -> None:
    world.database.stop()
    world.later(min(fault.seconds, 5.0), world.database.start)


def _restore(world: World, fault: Fault) -> None:
    """A backup is taken now, and put back later."""
    backup = world.database.backup()

    def put_back() -> None:
        world.tell("the backup is put back")
        world.database.restore(backup)
        world.later(1.0, world.database.start)

    world.later(fault.seconds, put_back)


def _kill_sessions(world: World, fault: Fault) -> None:
    for session in list(world.database.sessions):
        if world.chance.random() < 0.5:
            session.close()


def _kill_often(world: World, fault: Fault) -> None:
    for number in range(min(20, math.ceil(fault.seconds / 0.1))):
        world.later(number * 0.1, _kill_sessions, world, fault)


def _hold_row(world: World, fault: Fault) -> None:
    transaction = Transaction(world.database, "operator")
    keys = sorted(world.database.tables["checkpoint"])
    if keys and transaction.lock(keys[fault.who % len(keys)]):
        world.later(fault.seconds, world.database.release, transaction)


def _for_a_while(place: str, name: str, value: float) -> Callable[[World, Fault], None]:
    def begin(world: World, fault: Fault) -> None:
        server = getattr(world, place)
        setattr(server, name, value)
        world.later(fault.seconds, setattr, server, name, 0.0)

    return begin


def _kafka_away(world: World, fault: Fault) -> None:
    world.broker.up = False
    world.later(fault.seconds, setattr, world.broker, "up", True)


def _damage(world: World, fault: Fault, times: int) -> None:
    log = _log(world, fault)
    whole = [offset for offset in log.records if offset not in log.damaged]
    if whole:
        log.damaged[whole[-1 - fault.who % min(3, len(whole))]] = times


def _damage_passing(world: World, fault: Fault) -> None:
    log = _log(world, fault)
    if any(log.damaged.values()):
        # Before the first has passed, a second one makes it last.
        world.judge.allowed[log.lane].add(HaltReason.CORRUPT_RECORD)
    _damage(world, fault, 3)


def _damage_lasting(world: World, fault: Fault) -> None:
    world.judge.allowed[_log(world, fault).lane].add(HaltReason.CORRUPT_RECORD)
    _damage(world, fault, 1_000_000)


def _retention(world: World, fault: Fault) -> None:
    log = _log(world, fault)
    world.judge.allowed[log.lane].add(HaltReason.LOG_STARTS_AFTER)
    log.delete_before(log.end - fault.who % 5)


def _another_log(world: World, log: Log) -> None:
    world.judge.altered.add(log.lane)
    world.judge.allowed[log.lane] |= ANOTHER_LOG
    world.broker.up = False
    world.later(_AWAY_SECONDS, setattr, world.broker, "up", True)


def _truncation(world: World, fault: Fault) -> None:
    """The broker comes back without a tail."""
    log = _log(world, fault)
    _another_log(world, log)
    log.truncate(log.end - 1 - fault.who % 20)
    world.load.held_back.add(log.lane)


def _regrowth(world: World, fault: Fault) -> None:
    """The broker comes back without a tail, and has grown beyond it before anybody looks.

    Not among those that are drawn: it shows to whoever looks while the broker is away, not to whoever was stopped then.
    """
    log = _log(world, fault)
    end = log.end
    _another_log(world, log)
    log.truncate(end - 1 - fault.who % 20)
    while log.end <= end + fault.who % 7:
        world.load.write(log.lane, 1)


def _another_topic(world: World, fault: Fault) -> None:
    world.broker.made[world.anchored] += 1
    for lane, log in world.broker.logs.items():
        if lane.topic == world.anchored:
            _another_log(world, log)
            log.begin_anew()
            world.load.write(lane, fault.who % 90)


def _flood(world: World, fault: Fault) -> None:
    log = _log(world, fault)
    world.judge.allowed[log.lane].add(HaltReason.POISON_FLOOD)
    for number in range(_FLOOD_RECORDS):
        world.broker.append(log.lane, b"later f%d.%d flood" % (round(fault.at * 1000), number))


_FAULTS: Final[dict[str, Callable[[World, Fault], None]]] = {
    "crash": _crash,
    "host_lost": _host_lost,
    "freeze": _freeze,
    "stop": _stop,
    "start": _start,
    "cut_off_postgres": lambda world, fault: _cut_off(world, fault, driver.SERVER),
    "cut_off_kafka": lambda world, fault: _cut_off(world, fault, broker.SERVER),
    "postgres_restart": _restart,
    "postgres_restore": _restore,
    "postgres_slow": _for_a_while("database", "slow", 0.1),
    "postgres_cuts": _for_a_while("database", "cutting", 0.3),
    "postgres_kills": _kill_often,
    "row_held": _hold_row,
    "kafka_away": _kafka_away,
    "kafka_fails": _for_a_while("broker", "failing", 0.3),
    "kafka_quiet": _for_a_while("broker", "quiet", 0.7),
    "damage_passing": _damage_passing,
    "damage_lasting": _damage_lasting,
    "retention": _retention,
    "truncation": _truncation,
    "regrowth": _regrowth,
    "another_topic": _another_topic,
    "flood": _flood,
}
