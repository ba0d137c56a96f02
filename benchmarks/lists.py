"""What the query API takes for each named question at ten thousand and a million emails under a live load; exports.

A real query process answers over kept-alive HTTP; another process folds opens into the same tables meanwhile. The sizes
take turns, so that whatever disturbs one disturbs the other. `INKLING_BENCH_EMAILS` makes the large tenant smaller.

The same question is to bring as many rows in both: the small tenant has few sellers and templates, so that one of each
has a full page of every kind there too, and what is looked for by name is the same seller's in both.
"""

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import orjson
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from benchmarks.support import processes
from benchmarks.support.seed import Sized, named, seed
from benchmarks.support.stack import durable_stack
from deploy.local import environment
from deploy.local.stack import Stack
from schemas.instant import Instant
from services.projector import days
from services.projector.app import PACKAGES, SCHEMA
from services.projector.query import lists
from services.projector.query.filters import FILTERS, REPEATABLE, message_filter
from services.projector.query.named import NAMED, SOUGHT
from services.projector.query.ordering import MESSAGES
from services.projector.query.paging import with_key
from services.projector.query.scope import Scope, reading
from services.projector.query.selection import message_conditions
from services.runtime import migrations
from services.runtime.clock import SystemClock
from services.runtime.postgres import Pool
from services.runtime.requests import Query

LARGE = int(os.environ.get("INKLING_BENCH_EMAILS", "1000000"))
SMALL = 10_000
TENANTS = (
    Sized(name="large", emails=LARGE),
    Sized(name="small", emails=SMALL, first_seller=12, sellers=2, templates=10),
    Sized(name="other", emails=LARGE // 10),
)
ASKS = 500
LIVE = 1_000
SELLER = "seller-12"
LIMIT_MS, LIMIT_RATIO = 25.0, 1.5
LIMIT_SECONDS, LIMIT_MB = 60.0, 200.0


@dataclass(slots=True, kw_only=True)
class Question:
    """One question of the benchmark, and what its asking took and how many rows came, by tenant."""

    name: str
    path: str
    role: str
    judged: bool = True
    # Asked so often in a turn; what takes a millisecond or two needs more answers for its slowest to be its own.
    times: int = 1
    index: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    took: dict[str, list[float]] = field(default_factory=dict)

    def at(self, tenant: str, share: float) -> float:
        """Return the milliseconds in which a share of the answers came."""
        ordered = sorted(self.took[tenant])
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000

    @property
    def ratio(self) -> float:
        """Return how many times longer the large tenant's take, at the 99th percentile."""
        return self.at("large", 0.99) / self.at("small", 0.99)


def questions(now: Instant) -> list[Question]:
    """Return every named question for a manager and a seller, and the doors of one email."""
    day = 86_400_000_000
    told = {
        "FROM": _text(now - 40 * day),
        "TO": _text(now - 30 * day),
        "OWNER": SELLER,
        "TEMPLATE": "template-7",
        "RECORD": "deal-77",
        "PERSON": "c-77",
        "NAME:VALUE": "campaign:c-77",
        "WORDS": "person77@",
    }
    found = []
    for pair in (*NAMED, *SOUGHT):
        query = {name: told.get(value, value) for name, value in pair.filters.items()}
        path = str(URL("/v1/messages").with_query({**query, "sort": pair.sort}))
        found += [Question(name=pair.name, path=path, role=role) for role in ("manager", "seller")]
    # Not named, so without a yardstick: a word of every eighth email, and one of 10,000 that are not among the newest.
    found += [
        Question(name=name, path=f"/v1/messages?q={word}", role="manager", judged=False)
        for name, word in (("q, of a frequent word", "offer"), ("q, of many far off", "person77"))
    ]
    found += [
        Question(name=name, path=f"/v1/messages/ID{part}", role="manager", times=4)
        for name, part in (
            ("detail", ""),
            ("timeline", "/timeline"),
            ("summary", "/timeline?view=summary"),
        )
    ]
    return found


def _text(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 1_000_000))


async def prepare(stack: Stack, now: Instant) -> float:
    """Start PostgreSQL and fill it; returns the seconds that took."""
    stack.postgres.start()
    stack.postgres.prepare()
    begun = time.perf_counter()
    await migrations.apply(stack.postgres.url("inkling_projector_owner"), SCHEMA, PACKAGES)
    await seed(stack.postgres.url("postgres"), TENANTS, now)
    writer = stack.postgres.url("inkling_projector_writer")
    async with Pool(writer, application="benchmark", schema=SCHEMA, size=1) as pool:
        await days.ensure(pool, SystemClock())
    return time.perf_counter() - begun


@asynccontextmanager
async def a_query_process(stack: Stack) -> AsyncIterator[tuple[int, int]]:
    """The projector with the role of answering; gives its process and port."""
    told = environment.of_service(
        "projector", stack.ports, stack.credentials, stack.kafka, stack.postgres, stack.objects
    )
    told |= {"INKLING_PROJECTOR_ROLES": "query", "INKLING_LOG_LEVEL": "error"}
    port = stack.ports.public("projector")
    async with processes.running("services.projector", port=port, environment=told) as pid:
        yield pid, port


@asynccontextmanager
async def a_live_load(stack: Stack) -> AsyncIterator[asyncio.subprocess.Process]:
    """Opens folded at a rate until the context closes; its output is the rate reached."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.support.live"),
        *(stack.postgres.url("inkling_projector_writer"), str(LIVE)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if process.stdin is None:
        raise RuntimeError("the process has no pipes")
    process.stdin.write("\n".join(f"{one.name} {one.emails}" for one in TENANTS).encode())
    process.stdin.close()
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def ask(session: aiohttp.ClientSession, stack: Stack, asked: Sequence[Question]) -> None:
    """Ask every question of both tenants in turns, and note what each answer took."""
    tokens = {
        (tenant, role): stack.credentials.token(tenant=tenant, subject=SELLER, roles=[role])
        for tenant in ("small", "large")
        for role in ("manager", "seller")
    }
    asks = [
        (one, tenant, again)
        for one in asked
        for again in range(one.times)
        for tenant in ("small", "large")
    ]
    for turn in range(ASKS + 5):
        for one, tenant, again in asks:
            number = 1 + ((turn * one.times + again) * 7919) % SMALL
            path = one.path.replace("ID", str(named(tenant, number)))
            headers = {"Authorization": f"Bearer {tokens[tenant, one.role]}"}
            begun = time.perf_counter()
            async with session.get(path, headers=headers) as answer:
                body = await answer.read()
            took = time.perf_counter() - begun
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
            if turn == 0 and "?" in one.path:
                one.rows[tenant] = len(orjson.loads(body)["data"])
            if turn >= 5:
                one.took.setdefault(tenant, []).append(took)


async def explain(stack: Stack, asked: Sequence[Question]) -> None:
    """Note the indexes of message that the plans of the large tenant's lists name."""
    url = stack.postgres.url("inkling_projector_reader")
    async with Pool(url, application="benchmark", schema=SCHEMA, size=1) as pool:
        for one in asked:
            if not one.path.startswith("/v1/messages?"):
                continue
            pair = next((pair for pair in SOUGHT if pair.name == one.name), None)
            one.index = pair.index if pair else await _index(pool, one)


async def _index(pool: Pool, one: Question) -> str:
    query = Query(make_mocked_request("GET", one.path), FILTERS | {"sort"}, REPEATABLE)
    scope = Scope(tenant="large", owner=SELLER if one.role == "seller" else None)
    order = MESSAGES.order(query.choice("sort", MESSAGES.choices()))
    conditions = message_conditions(scope, message_filter(query))
    step = with_key(lists.QUERIES["messages"], conditions, order, None, 51)
    async with reading(pool, scope) as connection:
        rows = await connection.fetch(f"explain {step.text}", *step.arguments)
    plan = "\n".join(row[0] for row in rows)
    found = re.search(r"(?:using|on) (message_\w+)", plan)
    return f"{found[1] if found else '-'}{', sorted' if 'Sort Key: m.' in plan else ''}"


async def export(session: aiohttp.ClientSession, stack: Stack, form: str) -> tuple[int, float, int]:
    """Take a whole export; returns its lines, seconds and bytes."""
    token = stack.credentials.token(tenant="large", subject=SELLER, roles=["manager"])
    headers = {"Authorization": f"Bearer {token}", "Accept": form}
    begun, lines, size = time.perf_counter(), 0, 0
    async with session.get("/v1/messages?followed=all", headers=headers) as answer:
        answer.raise_for_status()
        async for chunk in answer.content.iter_any():
            lines += chunk.count(b"\n")
            size += len(chunk)
    return lines, time.perf_counter() - begun, size


def report(asked: Sequence[Question]) -> None:
    """Print each question beside its yardsticks; the two tenants are to bring as many rows."""
    print(
        f"each question is to bring as many rows of both tenants; yardstick: p99 {LIMIT_MS:.0f} ms, "
        f"{LIMIT_RATIO} x as long in large"
    )
    print(
        f"\n{'question':58} {'role':8} {'rows':>7} {'10 k p50/p99 ms':>17} {'large p50/p99 ms':>18} {'ratio':>6}  index"
    )
    for one in asked:
        small = f"{one.at('small', 0.5):.1f} / {one.at('small', 0.99):.1f}"
        large = f"{one.at('large', 0.5):.1f} / {one.at('large', 0.99):.1f}"
        rows = "/".join(str(one.rows[tenant]) for tenant in ("small", "large") if one.rows)
        told = [one.index] if one.index else []
        if len(set(one.rows.values())) > 1:
            told.append("rows differ")
        if one.judged and (one.at("large", 0.99) > LIMIT_MS or one.ratio > LIMIT_RATIO):
            told.append("<- over")
        print(
            f"{one.name:58} {one.role:8} {rows:>7} {small:>17} {large:>18} {one.ratio:6.2f}  {' '.join(told)}"
        )


async def measure(stack: Stack, asked: Sequence[Question]) -> None:
    """Measure lists under the live load, then exports."""
    async with a_query_process(stack) as (pid, port), a_live_load(stack) as live:
        limits = aiohttp.ClientTimeout(total=900)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=limits) as session:
            await ask(session, stack, asked)
            report(asked)
            if live.returncode is not None:
                raise RuntimeError("the live load ended early")
            print(f"\nthe query process grew to {processes.peak_megabytes(pid):.0f} MB by lists")
            for form in ("application/x-ndjson", "text/csv"):
                lines, seconds, size = await export(session, stack, form)
                print(
                    f"export {form}: {lines} lines, {size / 1e6:.0f} MB in {seconds:.1f} s "
                    f"(yardstick {LIMIT_SECONDS * LARGE / 1e6:.0f} s), the process grew to "
                    f"{processes.peak_megabytes(pid):.0f} MB (yardstick {LIMIT_MB:.0f} MB)",
                    flush=True,
                )
        live.terminate()
        if live.stdout is not None:
            rates = (await live.stdout.read()).decode().split()
            print(f"the live load reached {rates[-1] if rates else 0} of {LIVE} opens a second")


async def main() -> None:
    """Print what each named question takes at both sizes, and an export."""
    if not processes.can_measure():
        print("needs /proc to measure what a process costs; nothing was measured")
        return
    now = Instant(time.time_ns() // 1000)
    with durable_stack() as stack:
        took = await prepare(stack, now)
        counts = ", ".join(f"{one.emails} in {one.name}" for one in TENANTS)
        print(
            f"{os.cpu_count()} cores; emails: {counts}; filled in {took:.0f} s; fsync on",
            flush=True,
        )
        asked = questions(now)
        await explain(stack, asked)
        await measure(stack, asked)
