"""A rewriter in a process of its own, for whoever measures what one mail costs it: says where it listens, then answers.

Each line it reads is answered by a line of JSON: its memory in bytes, now and at most since the line before, and the
longest that its event loop was kept waiting by work of this process since then, in seconds of processor time.
"""

import asyncio
import gc
import sys
import time
from pathlib import Path

import orjson

from tests.rewriter.given import a_rewriter, bearer


def _memory() -> dict[str, int]:
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return {
        name: int(fields[field].split()[0]) * 1024
        for name, field in (("now", "VmRSS"), ("most", "VmHWM"))
    }


def _forget() -> None:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


async def _serve() -> None:
    longest = 0.0

    async def wait_briefly() -> None:
        nonlocal longest
        while True:
            begun = time.process_time()
            await asyncio.sleep(0.001)
            longest = max(longest, time.process_time() - begun)

    async with a_rewriter() as rewriter, asyncio.TaskGroup() as group:
        waiting = group.create_task(wait_briefly())
        said = {"port": rewriter.client.port, **bearer("sender", seconds=3600)}
        _say(said)
        while await asyncio.to_thread(sys.stdin.readline):
            _say({**_memory(), "waited": longest})
            _forget()
            longest = 0.0
        waiting.cancel()


def _say(what: object) -> None:
    sys.stdout.write(orjson.dumps(what).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve())
