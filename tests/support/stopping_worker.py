"""A worker that stops itself in mid-transaction, as SIGSTOP or a hung machine does; run as a process of its own.

python -m tests.support.stopping_worker <servers> <topic> <database url> idle|copying
"""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator

from services.runtime.clock import SystemClock
from services.runtime.consumer import FencedConsumer, TopicPlan
from services.runtime.kafka import Record
from services.runtime.lifecycle import Life
from services.runtime.postgres import Connection, Pool
from tests.support.folding import SCHEMA, Metrics, Tally


class Stopping(Tally):
    """Stops the process once it has locked its lanes: between two statements, or in the middle of a COPY."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self._how = how

    async def apply(self, connection: Connection, ready: list[Record]) -> None:
        if self._how == "copying":
            await connection.execute(
                "create temporary table staged (number integer) on commit drop"
            )
            await connection.copy_rows("staged", ["number"], self._rows())
        else:
            await connection.fetchval("select 1")
            os.kill(os.getpid(), signal.SIGSTOP)
        await super().apply(connection, ready)

    def _rows(self) -> Iterator[tuple[int]]:
        # More than the driver keeps to itself before it sends.
        for number in range(400_000):
            yield (number,)
            if number == 200_000:
                os.kill(os.getpid(), signal.SIGSTOP)


async def main(servers: str, topic: str, url: str, how: str) -> None:
    """Consume until told to stop."""
    async with Pool(url, application="fold", schema=SCHEMA, size=4) as pool:
        plans = [TopicPlan(topic=topic, anchored=True)]
        fold = Stopping(how)
        consumer = FencedConsumer("tally", plans, pool, servers, fold, SystemClock(), Metrics())
        async with asyncio.TaskGroup() as tasks:
            life = Life("tests", tasks, 5.0)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, life.stop)
            await consumer.run(life)
    sys.stdout.write(f"committed {fold.committed_records.total()}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
