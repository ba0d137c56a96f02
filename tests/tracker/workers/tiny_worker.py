"""A worker of a few lines, which a supervisor takes for a tracker; a file in its spool says how it behaves."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.runtime.errors import Fatal
from services.runtime.lifecycle import Life, Refused, configured, live
from services.tracker.config import Config
from services.tracker.workers.lifeline import attended

NUMBER = int(sys.argv[1])


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(f"{NUMBER} {os.getpid()}\n".encode())
    writer.close()


async def _forever() -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def build(config: Config, life: Life) -> AsyncIterator[None]:
    """Answer every connection with who we are."""
    behaviour = config.spool.folder.joinpath(f"behaviour-{NUMBER}")
    told = behaviour.read_text() if behaviour.exists() else "good"
    match told:
        case "fatal":
            raise Fatal("the port is taken")
        case "refused":
            raise Refused("the folder is not there")
        case "slow":
            await _forever()
        case "unready":
            life.checks.add("kafka", lambda: "it is away")
        case _:
            pass
    server = await asyncio.start_server(_answer, sock=socket.socket(fileno=int(sys.argv[2])))
    yield
    server.close()
    if told == "stubborn":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        await _forever()


@asynccontextmanager
async def build_worker(config: Config, life: Life) -> AsyncIterator[None]:
    """Do what a tracker's worker does."""
    lifeline = socket.socket(fileno=int(sys.argv[3]))
    async with attended(build(config, life), lifeline, life):
        yield


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    live(
        "tracker",
        configured("tracker", Config, os.environ),
        build_worker,
        {"process": f"worker-{NUMBER}"},
    )
