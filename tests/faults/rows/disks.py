"""The disk of the spool: errors of `fdatasync`, no room, files that may not grow, and slowness."""

import os
import re
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.edge import STRACE, Edge, strace
from tests.faults.ground import Case, Ground, Row, SkippedError
from tests.faults.rows.killing import NOBODY
from tests.faults.rows.outages import through_kafka
from tests.faults.traffic import Traffic, flowing, lasting
from tests.support.eventually import eventually

_SECONDS = 60.0
_MEBIBYTE = 1024 * 1024
_CALLED = re.compile(r"(write|fdatasync|fsync)\(\d+<([^>]*)>.*?= (-?\d+)")


async def e05(ground: Ground) -> Row:
    """Each tenth `fdatasync` says EIO, from the fifth on; then every one of them does."""
    if STRACE is None:
        raise SkippedError("there is no strace")
    async with ground.case("e05") as case:
        log = case.folder / "strace"
        failing = (
            "-e",
            "trace=write,fdatasync,fsync",
            "-e",
            "inject=fdatasync:error=EIO:when=5+10",
        )
        edge = case.edge(servers=NOBODY, wrapper=strace(*failing, log=log))
        await edge.start()
        wanted = ground.count(5_000, 500)
        async with flowing(case.traffic(edge)) as traffic:
            await eventually(
                lambda: traffic.acknowledged > wanted and _injected(log) >= 3, 4 * _SECONDS
            )
        case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
        case.hold(await edge.stop() == 0, "it did not end well")
        case.broken += _touched_again(log, case.folder)
        errors = _injected(log)

        dead = ("-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO")
        edge.wrapper = strace(*dead, log=case.folder / "strace-dead")
        await edge.start()
        async with flowing(case.traffic(edge)) as traffic:
            await eventually(lambda: traffic.statuses.total() > 200, _SECONDS)
        case.hold(not traffic.acknowledged, f"{traffic.acknowledged} told safe by a dead disk")
        case.hold(set(traffic.statuses) == {302, 503}, f"answers {dict(traffic.statuses)}")
        edge.kill()

        edge.wrapper, edge.servers = (), ground.servers
        await edge.start()
        await case.settled(edge)
        return case.row("E5 fdatasync EIO", f"{errors} times, then always")


def _injected(log: Path) -> int:
    return log.read_text(errors="replace").count("EIO (Input/output error) (INJECTED)")


def _touched_again(log: Path, folder: Path) -> list[str]:
    """Say which files were written or synced after their `fdatasync` had failed."""
    failed: set[str] = set()
    said = []
    for call, path, result in _CALLED.findall(log.read_text(errors="replace")):
        if not path.startswith(str(folder)):
            continue
        if path in failed:
            said.append(f"{call} of {Path(path).name} after EIO")
        elif call == "fdatasync" and result == "-1":
            failed.add(path)
    return said


async def e06(ground: Ground) -> Row:
    """The disk is full, twice, with a ballast to give up; and no file may grow beyond a limit."""
    async with ground.case("e06") as case:
        notes = await _file_limit(ground, case)
        if os.geteuid() == 0:
            try:
                with _small_disk(case.folder / "disk", 80 * _MEBIBYTE) as disk:
                    notes += await _full_disk(ground, case, disk)
            except SkippedError as error:
                notes.append(str(error))
        else:
            notes.append("without a small tmpfs, which only root may mount")
        return case.row("E6 ENOSPC, EFBIG", "; ".join(notes))


async def _file_limit(ground: Ground, case: Case) -> list[str]:
    """Have files no longer grow beyond some bytes (short writes, EFBIG), then beyond none at all."""
    edge = case.edge("edge-limit", servers=NOBODY)
    await edge.start("/readyz")
    async with flowing(case.traffic(edge)) as traffic:
        await eventually(lambda: traffic.acknowledged > 50, _SECONDS)
        _, hard = resource.prlimit(edge.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(edge.pid, resource.RLIMIT_FSIZE, (96 * 1024, hard))
        told = traffic.acknowledged
        await eventually(lambda: traffic.acknowledged > told + 500, _SECONDS)
        resource.prlimit(edge.pid, resource.RLIMIT_FSIZE, (512, hard))
        await eventually(lambda: traffic.statuses[503] > 20, _SECONDS)
        resource.prlimit(edge.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
        told = traffic.acknowledged
        await eventually(lambda: traffic.acknowledged > told + 50, _SECONDS)
    await _drained(case, edge, ground, traffic)
    return ["files of 96 KiB, then of 512 bytes"]


async def _full_disk(ground: Ground, case: Case, disk: Path) -> list[str]:
    edge = case.edge("edge-full", servers=NOBODY, spool=disk / "spool")
    await edge.start("/readyz")
    async with flowing(case.traffic(edge)) as traffic:
        await eventually(lambda: traffic.acknowledged > 50, _SECONDS)
        case.hold(_ballasts(disk) == 1, f"{_ballasts(disk)} ballast files")
        _fill(disk, "filler-1")
        await eventually(lambda: "spool_ballast_dropped" in edge.log, _SECONDS)
        _fill(disk, "filler-2")
        await eventually(lambda: traffic.statuses[503] > 20, _SECONDS)
        for name in ("filler-1", "filler-2"):
            (disk / name).unlink()
        told = traffic.acknowledged
        await eventually(lambda: traffic.acknowledged > told + 50, _SECONDS)
    dropped = edge.log.count("spool_ballast_dropped")
    case.hold(dropped == 1, f"the ballast was dropped {dropped} times")
    await _drained(case, edge, ground, traffic)
    return ["a full disk, twice"]


async def _drained(case: Case, edge: Edge, ground: Ground, traffic: Traffic) -> None:
    """Have what is acknowledged drain into Kafka, before its disk goes away."""
    case.hold(set(traffic.statuses) <= {200, 302, 503}, f"answers {dict(traffic.statuses)}")
    case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
    case.hold(await edge.stop() == 0, "it did not end well")
    edge.servers = ground.servers
    await edge.start()
    await case.settled(edge)
    case.hold(await edge.stop() == 0, "it did not end well")


def _ballasts(disk: Path) -> int:
    return sum(1 for path in disk.rglob("ballast") if path.is_file())


def _fill(disk: Path, name: str) -> None:
    """Take all the room that is left but half a mebibyte."""
    left = os.statvfs(disk)
    size = left.f_bavail * left.f_frsize - _MEBIBYTE // 2
    with (disk / name).open("xb") as file:
        if size > 0:
            os.posix_fallocate(file.fileno(), 0, size)


@contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, check=False)  # noqa: S603 our own words
    if done.returncode != 0:
        raise SkippedError("without a small tmpfs, which cannot be mounted here")
    try:
        yield folder
    finally:
        # It may still be held by an edge that a failure left running.
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607 our own words


async def e09(ground: Ground) -> Row:
    """Each `fdatasync` takes 300 ms more, with Kafka there, away, and back."""
    if STRACE is None:
        raise SkippedError("there is no strace")
    async with ground.case("e09") as case:
        slow = ("-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_exit=300000")
        edge = case.edge(wrapper=strace(*slow, log=case.folder / "strace"))
        await edge.start("/readyz")
        async with flowing(case.traffic(edge, connections=256)) as traffic:
            await through_kafka(case, edge)
            since, told = time.monotonic(), traffic.acknowledged
            await eventually(lambda: traffic.acknowledged > told + 500, _SECONDS)
            with_kafka = traffic.slowest(since, part=0.95)
            before = edge.resident_bytes()
            await ground.kill_kafka()
            await lasting(ground.seconds(20, 3))
            during = edge.resident_bytes()
            await ground.start_kafka()
            await through_kafka(case, edge)
        slowest = traffic.slowest()
        # Nearer than that no hit can be that waits for this disk.
        case.hold(with_kafka < 0.3, f"with Kafka there p95 was {with_kafka:.2f} s")
        case.hold(slowest < 2.0, f"p99 was {slowest:.2f} s")
        case.hold(during - before < 64 * _MEBIBYTE, f"memory {before} to {during}")
        case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
        await case.settled(edge)
        return case.row(
            "E9 slow disk",
            "fdatasync +300 ms",
            f"p95 {with_kafka * 1000:.0f} ms with Kafka, p99 {slowest * 1000:.0f} ms over all",
        )
