"""Load generators in processes of their own: started, told what to ask, heard at the end."""

import asyncio
import json
import sys
from typing import Any

from benchmarks.support import processes

LINE_BYTES = 1 << 28


async def loading(
    module: str, *arguments: object, told: bytes, core: int | None
) -> asyncio.subprocess.Process:
    """Start a generator, on one core only if that is named, and return it once it has begun."""
    load = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES,
    )
    if load.stdin is None or load.stdout is None:
        raise RuntimeError("the load generator has no pipes")
    if core is not None:
        processes.pin(load.pid, core)
    load.stdin.write(told)
    load.stdin.write_eof()
    await load.stdout.readline()
    return load


async def reported(load: asyncio.subprocess.Process) -> Any:
    """Return what a load generator says at its end."""
    if load.stdout is None:
        raise RuntimeError("the load generator has no pipes")
    report = json.loads(await load.stdout.readline())
    await load.wait()
    return report
