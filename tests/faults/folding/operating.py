"""What an operator does to a projector's lanes while a fault lasts: by the verbs, in a process of their own."""

import asyncio
import os
import sys

from deploy.local.unprivileged import CHECKOUT
from services.runtime.leases import Lane
from tests.faults.folding.field import Field
from tests.faults.folding.worker import Worker

_SECONDS = 60.0


async def resume(field: Field, worker: Worker, lane: Lane, *where: str) -> None:
    """Have a halted lane go on where it stands, or where is said; the verb must not refuse it."""
    if "--from-start" in where or "--at" in where:
        field.observer.sends_back(lane)
    told = {name: value for name, value in os.environ.items() if not name.startswith("INKLING_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.projector", "lanes", "resume", *where),
        *(f"{lane.topic}/{lane.partition}", "--by", "faults"),
        cwd=CHECKOUT,
        env=told | worker.environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(_SECONDS):
        _, against = await process.communicate()
    code = process.returncode
    if code != 0:
        raise AssertionError(f"lanes resume {lane} ended with {code}: {against.decode()[-300:]}")
