"""From a mail's first open to where its sender sees it: in the query API, and on the live stream.

Four services, Kafka, PostgreSQL, the load and the measuring share this machine. A sample is a mail that nobody opened
yet; its clock starts when the pixel's request is sent. Samples begin at a pace of their own, so a stall is not hidden.
The longer a sample waits, the less often the API is asked, since the asking is load as well.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from benchmarks.support import loads
from benchmarks.support.processes import can_measure, tree_cpu_seconds
from benchmarks.support.stack import durable_stack
from deploy.local.stack import Stack
from tests.support import mails
from tests.support.doors import Doors, Mailed

RATES = (0, 200, 1000, 2000)
SAMPLES = 300
WARMING = 20
SAMPLES_PER_SECOND = 20.0
LOADED_MAILS = 500
HANDING_IN = 8
CONNECTIONS = 64
# The API is asked again this long after it answered that the open is not there yet, and a part of the wait so far.
ASK_SECONDS = 0.01
ASK_PART = 0.1
SAMPLE_SECONDS = 30.0
# The load goes on for as long as a late sample may take.
SPARE_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Seconds from sending the pixel's request to each answer."""

    pixel: float
    api: float
    stream: float


def cores(stack: Stack) -> dict[str, float]:
    """Return the processor time that each program of the stack has used so far; nothing where that is not told."""
    if not can_measure():
        return {}
    return {name: sum(map(tree_cpu_seconds, pids[:1])) for name, pids in stack.pids().items()}


@dataclass(slots=True, kw_only=True)
class Arrivals:
    """When the stream showed each mail's alert."""

    expected: dict[str, asyncio.Future[float]] = field(default_factory=dict)

    def expect(self, message: str) -> asyncio.Future[float]:
        """Promise the moment at which a mail's alert arrives."""
        return self.expected.setdefault(message, asyncio.get_running_loop().create_future())

    async def follow(self, doors: Doors, opened: asyncio.Event) -> None:
        """Read the stream until cancelled."""
        async with doors.stream() as stream:
            opened.set()
            while True:
                _, alert = await stream.next()
                promised = self.expect(alert["message_id"])
                if not promised.done():
                    promised.set_result(time.perf_counter())


async def hand_in(doors: Doors, count: int) -> list[Mailed]:
    """Hand in so many mails, each to one contact."""
    numbers = iter(range(count))
    done: list[Mailed] = []

    async def some() -> None:
        for number in numbers:
            body = mails.mail(to=[mails.recipient(number)], template={"id": f"t-{number % 5}"})
            done.append(await doors.mail(body))

    async with asyncio.TaskGroup() as group:
        for _ in range(HANDING_IN):
            group.create_task(some())
    return done


async def until_visible(doors: Doors, mailed: Mailed, headers: Mapping[str, str]) -> float:
    """Return the moment at which the query API showed that a mail was opened."""
    url = f"{doors.stack.url('projector')}/v1/messages/{mailed.message_id}"
    begun = time.perf_counter()
    while True:
        async with doors.session.get(url, headers=headers) as answer:
            found = await answer.json()
            if answer.status != 200:
                raise RuntimeError(f"{url}: {answer.status} {found}")
        if found["opens"]["count"]:
            return time.perf_counter()
        await asyncio.sleep(ASK_SECONDS + ASK_PART * (time.perf_counter() - begun))


async def sample(
    doors: Doors, mailed: Mailed, arrivals: Arrivals, headers: Mapping[str, str]
) -> Sample:
    """Open a mail and wait until its sender sees it at both places."""
    arrived = arrivals.expect(mailed.message_id)
    async with asyncio.timeout(SAMPLE_SECONDS):
        begun = time.perf_counter()
        answer = await doors.hit(mailed.pixel)
        answered = time.perf_counter()
        if answer.headers.get("Inkling-Recorded") != "yes":
            raise RuntimeError(f"an open was not recorded: {answer}")
        visible = await until_visible(doors, mailed, headers)
        return Sample(pixel=answered - begun, api=visible - begun, stream=await arrived - begun)


async def take(doors: Doors, mailed: Sequence[Mailed]) -> list[Sample]:
    """Take a sample of each mail, begun at an even pace; the first ones only warm up."""
    arrivals, opened = Arrivals(), asyncio.Event()
    headers = {"Authorization": f"Bearer {doors.token('seller')}"}
    async with asyncio.TaskGroup() as group:
        following = group.create_task(arrivals.follow(doors, opened))
        await opened.wait()
        begun, samples = time.perf_counter(), []
        for number, one in enumerate(mailed):
            due = begun + number / SAMPLES_PER_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            samples.append(group.create_task(sample(doors, one, arrivals, headers)))
        await asyncio.wait(samples)
        following.cancel()
    return [one.result() for one in samples[WARMING:]]


@asynccontextmanager
async def loaded(stack: Stack, background: Sequence[Mailed], rate: int) -> AsyncIterator[list[str]]:
    """Other mails are opened meanwhile at a steady rate; says what that came to in the list."""
    said: list[str] = []
    if rate == 0:
        yield said
        return
    seconds = (SAMPLES + WARMING) / SAMPLES_PER_SECOND + SPARE_SECONDS
    port = stack.ports.public("tracker")
    paths = "\n".join(urlsplit(one.pixel).path for one in background).encode()
    load = await loads.loading(
        "benchmarks.support.load", port, CONNECTIONS, seconds, rate, told=paths, core=None
    )
    try:
        began = time.perf_counter()
        yield said
        late = time.perf_counter() - began - seconds
        report = await loads.reported(load)
        if report["codes"] != {"200": report["answers"]} or report["lost"]:
            raise RuntimeError(f"the load was not answered: {report}")
        said.append(f"{report['answers'] / report['seconds']:.0f}/s")
        if late > 0:
            said.append(f"samples ended {late:.1f} s after the load")
    finally:
        with suppress(ProcessLookupError):
            load.terminate()
        await load.wait()


def line(rate: int, said: Sequence[str], samples: Sequence[Sample]) -> str:
    """Write a row of the table."""
    cells = [f"{rate or 'idle':>8} {said[0] if said else '':>8}"]
    for name in ("pixel", "api", "stream"):
        taken = sorted(1000 * getattr(one, name) for one in samples)
        p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
        cells.append(f"{p50:8.1f} {p99:7.1f} {taken[-1]:7.1f}")
    return "  ".join([*cells, *said[1:]])


async def measure(stack: Stack, session: aiohttp.ClientSession) -> None:
    """Take samples at each rate and print the table."""
    background = await hand_in(Doors(stack, session, "background"), LOADED_MAILS)
    lines, costs = [], []
    for rate in RATES:
        doors = Doors(stack, session, f"rate-{rate}")
        mailed = await hand_in(doors, SAMPLES + WARMING)
        async with loaded(stack, background, rate) as said:
            begun, before = time.perf_counter(), cores(stack)
            samples = await take(doors, mailed)
            took, after = time.perf_counter() - begun, cores(stack)
        lines.append(line(rate, said, samples))
        used = [f"{name} {(after[name] - before[name]) / took:.2f}" for name in sorted(after)]
        costs.append(f"{rate or 'idle':>8}  {', '.join(used)}")
        print(f"{rate} hits/s beside it: {len(samples)} samples taken", flush=True)
    print(
        f"\n{SAMPLES} first opens a row, {SAMPLES_PER_SECOND:g} a second; the API is asked again after "
        f"{1000 * ASK_SECONDS:g} ms and a tenth of its wait;"
        f" everything on {os.cpu_count()} cores, fsync on; milliseconds"
    )
    print(f"{'':17}  {'pixel acknowledged':^24}  {'open -> query API':^24}  {'open -> stream':^24}")
    heads = f"{'p50':>8} {'p99':>7} {'max':>7}"
    print(f"{'wanted':>8} {'load':>8}  {heads}  {heads}  {heads}")
    print("\n".join(lines))
    print("\nprocessors in use meanwhile")
    print("\n".join(costs))


async def main() -> None:
    """Print how long an open takes to be seen, without and with others beside it."""
    with durable_stack() as stack:
        print("starting everything", flush=True)
        stack.start()
        timeout = aiohttp.ClientTimeout(total=SAMPLE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await measure(stack, session)
