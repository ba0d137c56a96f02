"""What autoscalers see of our groups: KEDA's questions, put to Kafka with KEDA's library, while the services work."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

import aiohttp

from deploy.local.stack import Stack
from deploy.local.unprivileged import CHECKOUT
from schemas import topics
from services.alerts.app import GROUP as ALERTS
from services.alerts.app import TOPICS as ALERTS_TOPICS
from services.projector.app import GROUP as PROJECTOR
from services.projector.app import TOPICS as PROJECTOR_TOPICS
from tests.faults.ledger import Ledger
from tests.faults.load import Load
from tests.interop import _go
from tests.interop._say import say
from tests.interop._scaling import (
    HEAD,
    ScalerError,
    Seen,
    Trigger,
    behind,
    parsed,
    replicas,
    row,
    sent,
)
from tests.support import mails
from tests.support.debian import NotToBeHadError
from tests.support.doors import Doors, Mailed
from tests.support.stack import a_stack

SOURCE: Final = Path(__file__).with_name("lag_scaler")
BUILT: Final = CHECKOUT / ".run" / "interop" / "lag" / "scaler"
HITS: Final = 300
THRESHOLD: Final = 60
"""Records that one replica may be behind, as `lagThreshold` says; 300 hits are worth five replicas."""
WANTED: Final = 5
"""`HITS` by `THRESHOLD`; by KEDA's own threshold of 10 they are 30, of which it grants the 8 partitions."""
GRANTED: Final = topics.DEFAULT_PARTITIONS
UNBOUNDED: Final = 30
TRIGGERS: Final = tuple(
    Trigger(group=group, topic=plan.topic, threshold=THRESHOLD)
    for group, plans in ((PROJECTOR, PROJECTOR_TOPICS), (ALERTS, ALERTS_TOPICS))
    for plan in plans
)
_MAILS: Final = 24
_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 0.2


class Scaler:
    """The program, which keeps its connection as KEDA's scaler does, and is asked again and again."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def see(self, trigger: Trigger) -> list[Seen]:
        """Ask what a trigger sees; ScalerError when that fails."""
        if self._process.stdin is None or self._process.stdout is None:
            raise ScalerError("the program has no pipes")
        self._process.stdin.write(trigger.line())
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return parsed(await self._process.stdout.readline())
        except TimeoutError:
            raise ScalerError(f"no answer within {_ANSWER_SECONDS:.0f} s") from None

    async def settled(
        self, trigger: Trigger, expected: Mapping[int, int]
    ) -> tuple[list[Seen], list[str]]:
        """Ask until each partition lags as it should; what is seen then or at last, and what is wrong with it."""
        deadline = time.monotonic() + _SECONDS
        while True:
            seen = await self.see(trigger)
            wrong = behind(seen, expected)
            if not wrong or time.monotonic() >= deadline:
                return seen, wrong
            await asyncio.sleep(_AGAIN_SECONDS)


@contextlib.asynccontextmanager
async def asking(program: Path, servers: str) -> AsyncIterator[Scaler]:
    """Run the program."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(str(program), servers, stdin=pipe, stdout=pipe)
    try:
        yield Scaler(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def step(
    scaler: Scaler, title: str, lags: Mapping[int, int] | None = None
) -> tuple[dict[Trigger, list[Seen]], list[str]]:
    """Print the table once all groups stand as expected: at the ends, or the projector's events behind by `lags`."""
    say(f"-- {title}\n{HEAD}")
    found, wrong = {}, []
    for trigger in TRIGGERS:
        events = (trigger.group, trigger.topic) == (PROJECTOR, topics.EVENTS.name)
        expected = lags if events and lags else {}
        seen, said = await scaler.settled(trigger, expected)
        found[trigger] = seen
        wanted = WANTED if expected else 1
        if replicas(trigger, seen) != wanted:
            said.append(f"{trigger.topic}: {replicas(trigger, seen)} replicas, expected {wanted}")
        say(row(trigger, seen))
        wrong += [f"{title}: {trigger.group}: {one}" for one in said]
    return found, wrong


async def unnamed(scaler: Scaler, found: Mapping[Trigger, Sequence[Seen]]) -> list[str]:
    """Ask without a topic; what is wrong where that shows other lanes than asking for each by its name."""
    wrong = []
    for group in (PROJECTOR, ALERTS):
        named = {
            (one.topic, one.partition)
            for trigger, seen in found.items()
            if trigger.group == group
            for one in seen
        }
        seen = {(one.topic, one.partition) for one in await scaler.see(Trigger(group=group))}
        say(f"{group} without a topic: {len(seen)} lanes of {len({one for one, _ in seen})} topics")
        if seen != named:
            wrong.append(f"{group} without a topic: {sorted(seen ^ named)}")
    return wrong


async def bounds(scaler: Scaler) -> list[str]:
    """Compare the replicas wanted by KEDA's own threshold, where the partitions are the bound and where not."""
    wrong = []
    for allow_idle, expected in ((False, GRANTED), (True, UNBOUNDED)):
        trigger = Trigger(group=PROJECTOR, topic=topics.EVENTS.name, allow_idle=allow_idle)
        wanted = replicas(trigger, await scaler.see(trigger))
        say(f"lagThreshold {trigger.threshold}, allowIdleConsumers {allow_idle}: {wanted} replicas")
        if wanted != expected:
            wrong.append(f"allowIdleConsumers {allow_idle}: {wanted} replicas, not {expected}")
    return wrong


async def hit(mailed: Sequence[Mailed], seed: int) -> tuple[Ledger, list[str]]:
    """Open and click at the tracker's door; each hit must be recorded."""
    ledger = await Load(mailed, HITS, {}, seed).run()
    recorded = ledger.acknowledged.total()
    return ledger, [] if recorded == HITS else [f"{recorded} of {HITS} hits were recorded"]


async def encounter(stack: Stack, scaler: Scaler, session: aiohttp.ClientSession) -> list[str]:
    """Go through the life of a lag, and return what is wrong."""
    doors = Doors(stack, session, f"t-{uuid4().hex[:10]}")
    found, wrong = await step(scaler, "before there is any record")
    wrong += await unnamed(scaler, found)
    mailed = [await doors.mail(mails.mail(to=[mails.recipient(n)])) for n in range(_MAILS)]
    wrong += (await hit(mailed, 1))[1]
    found, said = await step(scaler, f"after {_MAILS} mails and {HITS} hits")
    wrong += said + short(found)
    await asyncio.to_thread(stack.stop_service, "projector")
    before, said = await step(scaler, "the projector is stopped")
    wrong += said
    ledger, said = await hit(mailed, 2)
    wrong += said
    lags = sent(ledger.acknowledged, topics.DEFAULT_PARTITIONS)
    after, said = await step(scaler, f"{HITS} more hits without it", lags)
    wrong += said + moved(before, after, lags)
    wrong += await bounds(scaler)
    await asyncio.to_thread(stack.start_service, "projector")
    return wrong + (await step(scaler, "the projector is back"))[1]


def short(found: Mapping[Trigger, Sequence[Seen]]) -> list[str]:
    """Compare the ends of the events with what went in: one record of each mail and of each hit."""
    (events,) = [seen for one, seen in found.items() if one.topic == topics.EVENTS.name]
    newest = sum(one.newest for one in events)
    return [] if newest == _MAILS + HITS else [f"{newest} events, {_MAILS + HITS} were sent"]


def moved(
    before: Mapping[Trigger, Sequence[Seen]],
    after: Mapping[Trigger, Sequence[Seen]],
    lags: Mapping[int, int],
) -> list[str]:
    """Name the lanes of the stopped projector whose offset moved, or whose end moved by other than what was sent."""
    wrong = []
    for trigger, seen in before.items():
        if trigger.group != PROJECTOR:
            continue
        for old, new in zip(seen, after[trigger], strict=True):
            grown = lags.get(old.partition, 0) if trigger.topic == topics.EVENTS.name else 0
            if (new.committed, new.newest) != (old.committed, old.newest + grown):
                wrong.append(f"{old} became {new}, {grown} were sent")
    return wrong


async def _meet(stack: Stack, program: Path) -> list[str]:
    timeout = aiohttp.ClientTimeout(total=30)
    async with (
        asking(program, stack.kafka) as scaler,
        aiohttp.ClientSession(timeout=timeout) as session,
    ):
        return await encounter(stack, scaler, session)


def main() -> int:
    """Show that KEDA's questions find our lag, exactly; the exit status."""
    begun = time.monotonic()
    try:
        program = _go.build(SOURCE, BUILT)
    except NotToBeHadError as error:
        say(str(error))
        return 1
    with a_stack() as stack:
        stack.start()
        try:
            wrong = asyncio.run(_meet(stack, program))
        except ScalerError as error:
            wrong = [str(error)]
    for one in wrong:
        say(f"wrong: {one}")
    say(f"{len(wrong)} wrong; {time.monotonic() - begun:.0f} s")
    return 1 if wrong else 0
