"""Processes that end: killed under load, killed before the disk has answered, deployed anew under load."""

import os
import signal
import time

from deploy.local import identity
from tests.faults import counted
from tests.faults.edge import STRACE, Edge, strace
from tests.faults.ground import Case, Ground, Row, SkippedError
from tests.faults.traffic import Traffic, flowing, lasting
from tests.support.eventually import eventually

NOBODY = "127.0.0.1:1"
"""The address of a Kafka that is not there."""
_SECONDS = 60.0


async def e01(ground: Ground) -> Row:
    """Workers die by SIGKILL under load, with Kafka there and without it; at last all of them, supervisor included."""
    async with ground.case("e01") as case, ground.wayward() as kafka:
        if ground.full:
            await counted.use_mails(case)
        edge = case.edge(servers=kafka.servers, workers=2)
        await edge.start()
        kills = 0
        async with flowing(case.traffic(edge)) as traffic:
            for away in (False, True, False) if ground.full else (False, True):
                if away:
                    await kafka.leave()
                ends = time.monotonic() + ground.seconds(40.0, 0.5)
                while time.monotonic() < ends:
                    await lasting(case.chance.uniform(0.5, ground.seconds(3.0, 1.0)))
                    kills += await _kill_one(case, edge.pid)
                    await edge.until("/livez")
                if away:
                    await kafka.come_back()
            edge.kill()
            await edge.start()
            told = traffic.acknowledged
            await eventually(lambda: traffic.acknowledged > told + 50, _SECONDS)
        await case.settled(edge)
        notes = [await counted.count(case)] if ground.full else []
        return case.row("E1 edge killed", f"{kills} workers at random, then all", *notes)


async def _kill_one(case: Case, supervisor: int) -> int:
    """Kill one of the workers, and return once it is replaced."""
    pids = identity.children(supervisor)
    victim = case.chance.choice(pids)
    os.kill(victim, signal.SIGKILL)
    await eventually(
        lambda: (
            victim not in identity.children(supervisor)
            and len(identity.children(supervisor)) == len(pids)
        ),
        _SECONDS,
    )
    return 1


async def e02(ground: Ground) -> Row:
    """The tracker dies between a block's write and the end of its `fdatasync`, which takes 200 ms here."""
    if STRACE is None:
        raise SkippedError("there is no strace")
    async with ground.case("e02") as case:
        injected = ("-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=200000")
        edge = case.edge(servers=NOBODY, wrapper=strace(*injected, log=case.folder / "strace"))
        points: list[str] = []
        for _ in range(ground.count(10, 2)):
            await edge.start()
            async with flowing(case.traffic(edge)) as traffic:
                least = case.chance.randint(20, 200)
                await eventually(lambda: traffic.acknowledged >= least, _SECONDS)  # noqa: B023
                await lasting(case.chance.uniform(0, 0.2))
                edge.signal(signal.SIGKILL)
                points.append(str(traffic.acknowledged))
                await eventually(lambda: traffic.failures.total() > 0, _SECONDS)
            edge.clear()
        edge.wrapper, edge.servers = (), ground.servers
        await edge.start()
        await case.settled(edge)
        return case.row("E2 killed in fdatasync", f"after hit {', '.join(points)}")


async def e24(ground: Ground) -> Row:
    """Clients close as soon as they have asked; their hits are recorded or counted, and nothing of them stays."""
    async with ground.case("e24") as case:
        edge = case.edge()
        await edge.start("/readyz")
        await _warm(case.traffic(edge))
        before = _open_files(edge.pid)
        async with flowing(case.traffic(edge, leave_early=True)) as hasty:
            await eventually(lambda: hasty.issued > ground.count(10_000, 500), 180.0)
        async with flowing(case.traffic(edge)) as traffic:
            await eventually(lambda: traffic.acknowledged > ground.count(1_000, 100), _SECONDS)
        await eventually(lambda: _open_files(edge.pid) <= before, 30.0)
        await case.balanced(edge)
        await case.settled(edge)
        found = sum(1 for number in case.reading.found if number >= 0)
        case.hold(
            found > case.verdict.acknowledged, "of those who left nobody's hit was recorded at all"
        )
        return case.row(
            "E24 client leaves", f"{hasty.issued} clients, after the request", f"{found} in the log"
        )


async def _warm(traffic: Traffic) -> None:
    async with flowing(traffic):
        await eventually(lambda: traffic.acknowledged > 50, _SECONDS)


def _open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


async def e25(ground: Ground) -> Row:
    """A deployment under load: each of two workers is asked to end, then all are restarted one by one."""
    async with ground.case("e25") as case:
        if ground.full:
            await counted.use_mails(case)
        edge = case.edge(workers=2)
        await edge.start("/readyz")
        restarts = ground.count(5, 1)
        async with flowing(case.traffic(edge)) as traffic:
            await eventually(lambda: traffic.acknowledged > 100, _SECONDS)
            for done in range(1, restarts + 1):
                if ground.full:
                    await _end_one(edge)
                edge.signal(signal.SIGHUP)
                await eventually(lambda: edge.log.count('"rolling_restart_done"') == done, _SECONDS)  # noqa: B023
        case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
        case.hold(set(traffic.statuses) <= {200, 302}, f"answers {dict(traffic.statuses)}")
        async with flowing(case.traffic(edge)) as last:
            await eventually(lambda: last.acknowledged > 100, _SECONDS)
            # The port is gone after this; what was told safe before is safe.
            code = await edge.stop()
        case.hold(code == 0, f"exit code {code}")
        await edge.start()
        await case.settled(edge)
        notes = [await counted.count(case)] if ground.full else []
        return case.row(
            "E25 deploy",
            f"{restarts} SIGHUP, as many SIGTERM to a worker, then to all",
            _latency(traffic),
            *notes,
        )


async def _end_one(edge: Edge) -> None:
    """Ask one worker to end, and return once it is replaced."""
    workers = identity.children(edge.pid)
    os.kill(workers[0], signal.SIGTERM)

    def replaced() -> bool:
        now = identity.children(edge.pid)
        return workers[0] not in now and len(now) == len(workers)

    await eventually(replaced, _SECONDS)
    await edge.until("/readyz")


def _latency(traffic: Traffic) -> str:
    return f"p99 {traffic.slowest() * 1000:.0f} ms"
