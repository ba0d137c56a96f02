"""Folds facts into the inbox and the webhooks' queue, and personal data into its own table, with the checkpoint.

Neither order nor slicing nor repetition changes what is in the inbox in the end. Numbers are given by the last
statement of a slice, whose row lock lasts until the commit; see ``tenant_sequence`` in the migrations.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import orjson

from schemas import codec
from schemas.events import TYPE_OF
from schemas.facts import MessageFirstOpened, MessageFirstOpenWithdrawn, MessageRegistered
from schemas.identity import MessageId, Tenant
from schemas.instant import Instant
from schemas.personal import MessagePersonal
from services.alerts.facts import Slice, Stated
from services.alerts.metrics import Metrics, Outcome
from services.alerts.webhooks.enqueue import enqueue, scrub
from services.runtime.clock import Clock
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from services.runtime.postgres import Connection, Queries
from services.runtime.quarantine import Refusal

_SQL: Final = Queries.load("services.alerts", "apply.sql")
_REGISTERED: Final = TYPE_OF[MessageRegistered]
_OPENED: Final = TYPE_OF[MessageFirstOpened]
_WITHDRAWN: Final = TYPE_OF[MessageFirstOpenWithdrawn]
_ALERTING: Final = (_REGISTERED, _OPENED, _WITHDRAWN)

Whose = tuple[str, str]
"""A tenant and an owner in it."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of one slice, told once it is committed."""

    facts: dict[tuple[str, Outcome], int] = field(default_factory=dict)
    entered: list[tuple[str, Instant]] = field(default_factory=list)
    """Type and time of what is in the inbox now."""
    whose: set[Whose] = field(default_factory=set)
    deliveries: Counter[UUID] = field(default_factory=Counter)
    """By the endpoint that they go to."""

    def count(self, fact: str, outcome: Outcome, number: int) -> None:
        """Count facts of a type by what became of them."""
        if number > 0:
            self.facts[fact, outcome] = self.facts.get((fact, outcome), 0) + number


class Inbox:
    """The fold of the facts and personal topics; one object for all lanes of a process."""

    def __init__(
        self,
        clock: Clock,
        metrics: Metrics,
        ring: Callable[[Collection[Whose]], None],
        deliver: Callable[[Collection[UUID]], None],
    ) -> None:
        """`ring` is told whose alerts came, `deliver` to which endpoints there is something to deliver."""
        self._clock = clock
        self._metrics = metrics
        self._ring = ring
        self._deliver = deliver
        self._tally = Tally()

    def begin(self) -> Slice:
        """Return an empty slice."""
        return Slice()

    def take(self, ready: Slice, record: Record) -> Refusal | None:
        """Read a record; what is none of ours comes back refused, with its reason."""
        return ready.take(record)

    async def apply(self, connection: Connection, ready: Slice) -> None:
        """Fold a slice; raises ``Poison`` when PostgreSQL finds a value of it impossible."""
        tally = Tally()
        await _fold_personal(connection, ready)
        await _register(connection, ready, tally)
        await _state(connection, ready, tally)
        for name, number in ready.read.items():
            if name not in _ALERTING:
                tally.count(name, Outcome.UNALERTED, number)
        told, touched = ready.told.values(), ready.touched()
        tally.deliveries = await enqueue(connection, told, touched, self._clock.now())
        self._tally = tally

    def committed(self, records: Mapping[Lane, int]) -> None:
        """Count what is now in, and wake the streams of those whom it concerns."""
        tally, self._tally = self._tally, Tally()
        if tally.whose:
            self._ring(tally.whose)
        if tally.deliveries:
            self._deliver(tally.deliveries)
            self._metrics.webhooks.made(tally.deliveries.total())
        self._metrics.folded(records)
        for (name, outcome), number in tally.facts.items():
            self._metrics.count_facts(name, outcome, number)
        for kind, occurred_at in tally.entered:
            self._metrics.count_alert(kind, occurred_at, self._clock.now())


async def _fold_personal(connection: Connection, ready: Slice) -> None:
    kept = [row for row in ready.personal.values() if row is not None]
    forgotten = [message for message, row in ready.personal.items() if row is None]
    changed = list(forgotten)
    if kept:
        rows = await connection.fetch(
            _SQL["keep"], *_columns([_personal_row(*row) for row in kept])
        )
        changed += [row["message_id"] for row in rows if row["replaced"]]
    if forgotten:
        await connection.execute(_SQL["forget"], forgotten)
    if changed:
        await scrub(connection, changed)


async def _register(connection: Connection, ready: Slice, tally: Tally) -> None:
    if ready.registered:
        rows = [_message_row(*name, fact) for name, fact in ready.registered.items()]
        fresh = await connection.execute(_SQL["register"], *_columns(rows))
        tally.count(_REGISTERED, Outcome.REGISTERED, fresh)
        tally.count(_REGISTERED, Outcome.DUPLICATE, ready.read[_REGISTERED] - fresh)


async def _state(connection: Connection, ready: Slice, tally: Tally) -> None:
    """Keep what alerts and what takes it back, then let in whatever can enter."""
    fresh = 0
    if ready.opened:
        rows = [_alert_row(one) for one in ready.opened.values()]
        fresh = await connection.execute(_SQL["state"], *_columns(rows))
        tally.count(_OPENED, Outcome.DUPLICATE, ready.read[_OPENED] - fresh)
    if ready.withdrawn:
        rows = [_alert_row(one) for one in ready.withdrawn.values()]
        taken_back = await connection.execute(_SQL["withdraw"], *_columns(rows))
        tally.count(_WITHDRAWN, Outcome.WITHDRAWN, taken_back)
        tally.count(_WITHDRAWN, Outcome.DUPLICATE, ready.read[_WITHDRAWN] - taken_back)
    touched = ready.touched()
    entered = await connection.fetch(_SQL["enter"], touched) if touched else []
    at_once = sum(row["fact_id"] in ready.opened for row in entered)
    tally.count(_OPENED, Outcome.ALERTED, at_once)
    tally.count(_OPENED, Outcome.WAITING, fresh - at_once)
    tally.entered = [(row["type"], Instant(row["occurred_at"])) for row in entered]
    tally.whose = {(row["tenant"], row["owner"]) for row in entered}


def _message_row(tenant: Tenant, message: MessageId, fact: MessageRegistered) -> tuple[object, ...]:
    refs = ",".join(fact.refs)
    return (tenant, message, fact.owner, fact.followed, refs, fact.scheduled_at)


def _personal_row(tenant: Tenant, event: MessagePersonal) -> tuple[object, ...]:
    # Written anew, so that nothing stays that the contract does not name.
    return (tenant, event.message_id, event.subject, orjson.dumps(codec.write(event)))


def _alert_row(one: Stated) -> tuple[object, ...]:
    place = (one.tenant, one.type, one.message_id, one.ref, one.ordinal)
    return (one.fact_id, *place, one.occurred_at)


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    # As arrays, since COPY is not possible where row security applies.
    return [list(column) for column in zip(*rows, strict=True)]
