"""Where things are broken: a Kafka to be broken, and for each case a ledger, edges, and a reader of what came out."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.ports import SERVICES
from deploy.local.stack import Stack
from schemas.token import KeyRing
from tests.faults.accounts import Accounts, Verdict, acknowledged, judge
from tests.faults.edge import Edge, Metrics
from tests.faults.log import Reading, ends
from tests.faults.traffic import Traffic, fresh_mails
from tests.support.brokers import create_topics, through_a_proxy
from tests.support.eventually import eventually
from tests.support.proxy import Proxy, proxying
from tests.support.stack import a_stack

PARTITIONS = 4
SETTLED_SECONDS = 180.0


@dataclass(slots=True, kw_only=True)
class Row:
    """One line of the table."""

    fault: str
    seed: int
    kill_point: str
    acknowledged: int = 0
    counted: int = 0
    """Of the edge: how many of those lie in the log."""
    lost: int = 0
    doubled: int = 0
    notes: str = ""
    broken: list[str] = field(default_factory=list)
    """What else did not hold, a sentence each."""
    skipped: str | None = None
    """Why this machine cannot do it."""

    @property
    def holds(self) -> bool:
        return not (self.lost or self.doubled or self.broken)


class SkippedError(Exception):
    """This machine does not allow the injection; the message says why."""


class Ground:
    """A stack whose Kafka may be broken; with `full` faults last longer, and the projector is asked as well."""

    def __init__(self, stack: Stack, *, seed: int, full: bool) -> None:
        self.stack = stack
        self.seed = seed
        self.full = full

    @property
    def servers(self) -> str:
        """The address of Kafka, also for those who judge."""
        return self.stack.kafka

    @property
    def proxied_port(self) -> int:
        """Where Kafka says it is to those who come through a proxy."""
        return _advertised(self.stack)

    @property
    def rate(self) -> float:
        """Hits in a second, unless a case says otherwise."""
        return 400.0 if self.full else 250.0

    def seconds(self, full: float, short: float) -> float:
        """Choose how long something lasts."""
        return full if self.full else short

    def count(self, full: int, short: int) -> int:
        """Choose how often something is done."""
        return full if self.full else short

    @asynccontextmanager
    async def proxy(self) -> AsyncIterator[Proxy]:
        """Have the way to Kafka that the proxy's port is the door of."""
        async with proxying(_listening(self.stack), self.proxied_port) as proxy:
            yield proxy

    async def kill_kafka(self) -> None:
        await asyncio.to_thread(self.stack.kill, "kafka")

    async def start_kafka(self) -> None:
        await asyncio.to_thread(self.stack.restart, "kafka")

    @property
    def kafka_pid(self) -> int:
        return self.stack.processes.pid("kafka")

    @asynccontextmanager
    async def wayward(self) -> AsyncIterator["Wayward"]:
        """Have a Kafka that goes away and comes back: the broker, or in short the way to it, which is quicker."""
        if self.full:
            yield Wayward(self, None)
            return
        async with self.proxy() as proxy:
            yield Wayward(self, proxy)

    @asynccontextmanager
    async def case(self, name: str, servers: str | None = None) -> AsyncIterator["Case"]:
        """Have a ledger and a folder of its own; whatever was started for it ends with it."""
        if not self.stack.processes.is_running("kafka"):
            # A case before gave up while it was away.
            await self.start_kafka()
        folder = self.stack.objects.parent / f"{name}-{secrets.token_hex(3)}"
        folder.mkdir(parents=True)
        accounts = Accounts(folder / "ledger", secrets.token_hex(4))
        servers = servers or self.servers
        case = Case(self, folder, accounts, servers, await ends(servers))
        try:
            yield case
        finally:
            for edge in case.edges:
                edge.clear()
            accounts.close()


class Wayward:
    """A Kafka that goes away and comes back."""

    def __init__(self, ground: Ground, proxy: Proxy | None) -> None:
        self._ground = ground
        self._proxy = proxy

    @property
    def servers(self) -> str:
        """Where an edge is told that it is."""
        proxy = self._proxy
        return self._ground.servers if proxy is None else f"127.0.0.1:{proxy.port}"

    async def leave(self) -> None:
        """Be away from now on."""
        if self._proxy is None:
            await self._ground.kill_kafka()
        else:
            self._proxy.refusing = True
            self._proxy.cut()

    async def come_back(self) -> None:
        """Be there again."""
        if self._proxy is None:
            await self._ground.start_kafka()
        else:
            self._proxy.refusing = False


class Case:
    """One fault on its ground."""

    def __init__(
        self, ground: Ground, folder: Path, accounts: Accounts, servers: str, starts: dict[int, int]
    ) -> None:
        self.ground = ground
        self.folder = folder
        self.accounts = accounts
        self.chance = random.Random(ground.seed)  # noqa: S311 a choice, not a secret
        self.tenant = f"t-{secrets.token_hex(5)}"
        self.edges: list[Edge] = []
        self.flows: list[Traffic] = []
        self.broken: list[str] = []
        self.verdict = Verdict()
        self.reading = Reading(servers, starts, accounts)
        self.ring = ring(ground.stack)
        self.hits = fresh_mails(self.ring, lambda: self.tenant, ground.seed)
        """Where those at an edge's door come from."""

    def edge(self, name: str = "edge-1", servers: str | None = None, **more: Any) -> Edge:
        """Make a tracker that is not started yet."""
        more.setdefault("spool", self.folder / "spool")
        edge = Edge(
            stack=self.ground.stack, name=name, servers=servers or self.ground.servers, **more
        )
        self.edges.append(edge)
        return edge

    def traffic(self, edge: Edge, **more: Any) -> Traffic:
        """Make hits at an edge's door that do not flow yet."""
        more.setdefault("rate", self.ground.rate)
        hits = more.pop("hits", self.hits)
        flow = Traffic(edge.port, hits, self.accounts, **more)
        self.flows.append(flow)
        return flow

    def hold(self, so: bool, sentence: str) -> None:
        """Note what does not hold."""
        if not so:
            self.broken.append(sentence)

    async def settled(self, *edges: Edge, seconds: float = SETTLED_SECONDS) -> None:
        """Wait until what was acknowledged is in the log and these edges' spools are empty; then judge."""
        self.accounts.sync()
        wanted = acknowledged(self.accounts.path)
        await self.reading.until_there(wanted, seconds)
        for edge in edges:
            try:
                await eventually(lambda edge=edge: not segments(edge.spool), seconds)
            except TimeoutError:
                self.broken.append(f"the spool still holds {segments(edge.spool)}")
        # What came in twice came in before its segment was removed.
        await self.reading.until_there(wanted, 0.0)
        # Hits may still flow; what was read of them was noted before it left.
        self.accounts.sync()
        self.verdict = judge(self.accounts.path, self.reading.found)
        if self.verdict.invented:
            self.broken.append(f"{len(self.verdict.invented)} events that nobody asked for")

    async def balanced(self, edge: Edge) -> None:
        """Hold that what this edge received, and what its spool took, is what they say became of it."""
        said = ["it says nothing"]

        async def balances() -> bool:
            said[:] = _imbalances(await edge.metrics())
            return not said

        try:
            await eventually(balances, 10.0)
        except TimeoutError:
            self.broken += said

    def row(self, fault: str, kill_point: str, *notes: str) -> Row:
        """Write the line of what was judged."""
        found = self.verdict
        said = "".join(edge.log for edge in self.edges)
        if any(token in said for flow in self.flows for token in flow.tokens):
            self.broken.append("a token stands in a log")
        told = [*notes]
        if found.refused:
            told.append(f"{found.refused} refused")
        if found.unknown:
            told.append(f"{found.unknown} without answer")
        if found.repeated:
            told.append(f"{found.repeated} copies under the same id")
        return Row(
            fault=fault,
            seed=self.ground.seed,
            kill_point=kill_point,
            acknowledged=found.acknowledged,
            counted=found.recovered,
            lost=len(found.lost),
            doubled=len(found.doubled),
            notes="; ".join(told),
            broken=self.broken,
        )


def _imbalances(counted: Metrics) -> list[str]:
    def total(*names: str) -> float:
        return sum(counted.sum(f"inkling_tracker_{name}") for name in names)

    said = []
    received, settled = total("received_total"), total("hits_total")
    if received != settled or not received:
        said.append(f"received {received:.0f}, accounted for {settled:.0f}")
    taken = total("spool_taken_total", "spool_recovered_total")
    ended = total(
        *(f"spool_{name}_total" for name in ("replayed", "dropped", "expired", "damaged"))
    )
    waiting = total("spool_waiting")
    if taken != ended + waiting:
        said.append(f"spool: took {taken:.0f}, accounted for {ended:.0f} and {waiting:.0f}")
    return said


def ring(stack: Stack) -> KeyRing:
    """Return the keys of the stack's tokens."""
    number, _, key = stack.credentials.token_keys.partition(":")
    return KeyRing(signing=int(number), keys={int(number): bytes.fromhex(key)})


def segments(spool: Path) -> list[str]:
    """List what lies in the slots of a spool and is not replayed yet."""
    found = [*spool.glob("worker-*/*.seg"), *spool.glob("worker-*/*.open")]
    return sorted(str(path.relative_to(spool)) for path in found)


@contextmanager
def a_ground(*, seed: int, full: bool) -> Iterator[Ground]:
    """Have a Kafka with our topics that may be broken; if `full`, what other services need as well."""
    with a_stack() as stack:
        stack.broker.more = through_a_proxy(stack.ports, _listening(stack), _advertised(stack))
        if full:
            stack.start()
            for service in SERVICES:
                stack.stop_service(service)
        else:
            stack.broker.start()
            asyncio.run(create_topics(stack.kafka, PARTITIONS))
        yield Ground(stack, seed=seed, full=full)


def _listening(stack: Stack) -> int:
    return stack.ports.base + 94


def _advertised(stack: Stack) -> int:
    return stack.ports.base + 95
