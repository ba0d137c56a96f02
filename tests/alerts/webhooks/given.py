"""Endpoints at a local receiver, and a courier whose time is a test's own, over a real database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry
from standardwebhooks import Webhook

from services.alerts.webhooks.deliver import Courier
from services.alerts.webhooks.egress import open_egress
from services.alerts.webhooks.metrics import WebhookMetrics
from services.alerts.webhooks.queue import Queue
from services.runtime.lifecycle import Life
from tests.alerts.given import Answer, Given, open_doors
from tests.support.clock import START, ManualClock
from tests.support.eventually import eventually
from tests.support.receiver import Call, Receiver, receiving
from tests.support.stack import Database

HOOKS = "/v1/webhooks"
MANAGER: Final[dict[str, Any]] = {"subject": "mia", "roles": ["manager"]}
CALL_SECONDS = 0.5


@dataclass(slots=True)
class Post:
    """Everything from the fold to the receiver."""

    given: Given
    clock: ManualClock
    receiver: Receiver
    queue: Queue
    courier: Courier
    registry: CollectorRegistry
    life: Life
    secrets: dict[str, str] = field(default_factory=dict)

    async def ask(self, path: str, method: str = "GET", json: object = None, **who: Any) -> Answer:
        """Ask at a door, as the tenant's manager unless told otherwise."""
        return await self.given.ask(f"{HOOKS}{path}", method=method, json=json, **(MANAGER | who))

    async def hook(self, path: str = "ok", *, tenant: str = "demo", **fields: Any) -> str:
        """Make an endpoint at the receiver; returns its id."""
        body = {"url": self.receiver.url(path), **fields}
        answer = await self.ask("", "POST", body, tenant=tenant)
        assert answer.status == 201, answer
        made: str = answer.json["id"]
        self.secrets[made] = answer.json["secret"]
        return made

    async def log(self, hook: str, query: str = "") -> list[Any]:
        """Read an endpoint's deliveries, oldest first."""
        answer = await self.ask(f"/{hook}/deliveries{query}")
        assert answer.status == 200, answer
        rows: list[Any] = answer.json["data"]
        return rows[::-1]

    async def show(self, hook: str) -> Any:
        """Read an endpoint."""
        return (await self.ask(f"/{hook}")).json

    def ring(self) -> None:
        """Tell the courier what the fold and the doors said."""
        self.courier.ring(set(self.given.rung))
        self.given.rung.clear()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, so that the courier looks again."""
        self.clock.advance(seconds)
        self.courier.ring([])

    async def until(self, hook: str, holds: Callable[[list[Any]], bool]) -> list[Any]:
        """Return an endpoint's log once it is as it should be."""
        found: list[Any] = []

        async def so() -> bool:
            self.ring()
            found[:] = await self.log(hook)
            return holds(found)

        await eventually(so)
        return found

    async def attempted(self, hook: str, number: int) -> Any:
        """Return the only delivery of an endpoint once so many attempts are recorded."""
        (row,) = await self.until(
            hook, lambda rows: len(rows) == 1 and rows[0]["attempts"] == number
        )
        return row

    def verified(self, secret: str, call: Call) -> Any:
        """Verify a call with a secret by the receivers' library, when it was made; returns what it says."""
        moment = datetime.fromtimestamp(int(call.headers["webhook-timestamp"]), UTC)
        signature = Webhook(secret).sign(call.id, moment, call.body.decode())
        assert signature in call.headers["webhook-signature"].split(" "), call
        return call.json

    def metric(self, name: str, **labels: str) -> float:
        """Read a figure of the courier."""
        return self.registry.get_sample_value(f"inkling_alerts_webhook_{name}", labels) or 0.0


@asynccontextmanager
async def open_post(database: Database, *, start: int = START) -> AsyncIterator[Post]:
    """Open doors, receiver and courier, with a clock that stands at `start`."""
    clock, registry = ManualClock(start), CollectorRegistry()
    async with (
        open_doors(database, time=clock) as given,
        receiving() as receiver,
        open_egress(loopback=True, total_seconds=CALL_SECONDS) as egress,
        asyncio.TaskGroup() as tasks,
    ):
        queue = Queue(given.writer)
        courier = Courier(queue, egress, WebhookMetrics(registry), clock, 2)
        life = Life("alerts", tasks, 5)
        running = tasks.create_task(courier.run(life))
        try:
            yield Post(given, clock, receiver, queue, courier, registry, life)
        finally:
            receiver.over.set()
            receiver.gate.set()
            life.stop()
            await running
