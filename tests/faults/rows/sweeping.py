"""Thousands of seeds of the simulation: the consumer between a broker and a database that a seed breaks."""

import asyncio
import sys
from asyncio import subprocess

from tests.faults.ground import Ground, Row

_SECONDS = 3600.0


async def p23(ground: Ground) -> Row:
    """Every seed, each with faults of its own, folds each record once; one that does not is named, to be replayed."""
    seeds = ground.count(10_000, 40)
    chosen = ["--seeds", str(seeds), "--from", str(ground.seed)]
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.simulation", *chosen, stdout=subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_SECONDS):
            told, _ = await running.communicate()
    finally:
        if running.returncode is None:
            running.kill()
    lines = told.decode().splitlines()
    totals = [line for line in lines if " seeds, " in line]
    return Row(
        fault="P23",
        seed=ground.seed,
        kill_point=f"{seeds:,} seeds from {ground.seed} on",
        notes=totals[-1] if totals else "",
        broken=[] if running.returncode == 0 and totals else lines[-5:] or ["nothing was told"],
    )
