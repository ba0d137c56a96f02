"""Folds a slice of the log into the read models and states facts, inside the transaction of its checkpoint.

Python has judged, SQL adds up: the slice is copied into staging tables and each read model folds from them by one
statement of its own, in ``projections/``. All of them only add, take the least or take the greatest, so neither order
nor slicing matters; what repeats is told apart by its key.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from schemas import topics
from schemas.envelope import Encoded, Envelope
from schemas.events import MessagePrepared
from schemas.instant import Instant
from services.projector import facts, reading, staging
from services.projector.facts import First
from services.projector.kinds import Kind
from services.projector.metrics import Metrics
from services.projector.staging import Name, Slice
from services.projector.tally import Tally
from services.runtime.clock import Clock
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from services.runtime.postgres import Connection, Queries, Row
from services.runtime.quarantine import Refusal

_FOLDS: Final = {
    name: Queries.load("services.projector", f"projections/{name}.sql")["fold"]
    for name in (
        *("interaction", "correspondence", "prepared", "earlier", "held", "view_slot", "message"),
        *("recipient", "link", "attachment", "viewer", "template", "activity", "tenant_day"),
        "hour_of_week",
    )
}
_STAGING: Final = Queries.load("services.projector", "projections/staging.sql")
_SETTLE: Final = Queries.load("services.projector", "projections/correspondence.sql")["settle"]
_TENANT_SETTING: Final = Queries.load("services.projector", "projections/tenant_setting.sql")
_PERSONAL: Final = Queries.load("services.projector", "projections/personal.sql")
_FACTS: Final = Queries.load("services.projector", "projections/facts.sql")
_OUTBOX: Final = ("lane", "key", "headers", "value")


class ReadModels:
    """The fold of the events, personal and settings topics; one object for all lanes of a process."""

    def __init__(
        self, clock: Clock, metrics: Metrics, wake_relay: Callable[[int], None] | None
    ) -> None:
        """Without a relay to wake nothing is stated: a rebuild does not say again what was said."""
        self._clock = clock
        self._metrics = metrics
        self._wake_relay = wake_relay
        self._tally = Tally()

    def begin(self) -> Slice:
        """Return an empty slice."""
        return Slice()

    def take(self, ready: Slice, record: Record) -> Refusal | None:
        """Read, admit and judge a record; one that cannot be folded comes back refused, with its reason."""
        return reading.take(ready, record)

    async def apply(self, connection: Connection, ready: Slice) -> None:
        """Fold a slice; raises ``Poison`` when PostgreSQL finds a value of it impossible."""
        tally = Tally(unfolded=ready.unfolded)
        await _stage(connection, ready)
        await _fold_settings(connection, ready)
        await _fold_personal(connection, ready)
        registered = await _fold_messages(connection, ready)
        await _fold_interactions(connection, ready, tally)
        await _add_up(connection, ready, tally)
        if self._wake_relay is not None:
            tally.facts.update(await self._state(connection, ready, registered, tally))
        self._tally = tally

    async def _state(
        self, connection: Connection, ready: Slice, registered: Sequence[Name], tally: Tally
    ) -> Counter[int]:
        """State what happened for the first time; counts it by lane."""
        now = Instant(self._clock.now())
        stated = [(name, facts.registered(*ready.prepared[name], now)) for name in registered]
        if tally.human or ready.prepared:
            rows = await connection.fetch(_FACTS["state_firsts"])
            stated += [(_name(row), facts.stated(_first(row), now)) for row in rows]
        return await _enqueue(connection, ready, stated)

    def committed(self, records: Mapping[Lane, int]) -> None:
        """Count what is now in, and wake the relay where facts wait for it."""
        tally, self._tally = self._tally, Tally()
        self._metrics.folded(records, tally)
        if self._wake_relay is not None:
            for partition in tally.facts:
                self._wake_relay(partition)


async def _stage(connection: Connection, ready: Slice) -> None:
    """Copy a slice into the connection's staging tables, making them when it has none."""
    if await connection.fetchval("select to_regclass('pg_temp.staged_touched')") is None:
        await connection.execute(_STAGING["create"])
    prepared = list(ready.prepared.items())
    tables: tuple[tuple[str, Sequence[str], Iterable[staging.Row]], ...] = (
        ("staged_hit", staging.HIT, ready.hits),
        ("staged_correspondence", staging.CORRESPONDENCE, ready.correspondence),
        ("staged_held", staging.HELD, ready.held),
        ("staged_personal", staging.PERSONAL, [row for row in ready.personal.values() if row]),
        ("staged_message", staging.MESSAGE, [staging.message_row(*one) for _, one in prepared]),
        ("staged_recipient", staging.RECIPIENT, _rows(staging.recipient_rows, prepared)),
        ("staged_link", staging.LINK, _rows(staging.link_rows, prepared)),
        ("staged_attachment", staging.ATTACHMENT, _rows(staging.attachment_rows, prepared)),
    )
    for table, columns, rows in tables:
        if rows:
            await connection.copy_rows(table, columns, rows)


def _rows(
    lay_out: Callable[[Name, MessagePrepared], list[staging.Row]],
    prepared: list[tuple[Name, tuple[Envelope, MessagePrepared]]],
) -> list[staging.Row]:
    return [row for name, (_, event) in prepared for row in lay_out(name, event)]


async def _fold_settings(connection: Connection, ready: Slice) -> None:
    kept = {tenant: on for tenant, on in ready.engagement.items() if on is not None}
    if kept:
        days = [ready.retention[tenant] for tenant in kept]
        await connection.execute(_TENANT_SETTING["keep"], list(kept), list(kept.values()), days)
    if forgotten := ready.engagement.keys() - kept.keys():
        await connection.execute(_TENANT_SETTING["forget"], list(forgotten))


async def _fold_personal(connection: Connection, ready: Slice) -> None:
    if not ready.personal:
        return
    kept = [message for message, row in ready.personal.items() if row is not None]
    if kept:
        await connection.execute(_PERSONAL["keep"])
        await connection.execute(_PERSONAL["unlist"], kept)
        await connection.execute(_PERSONAL["list"])
    forgotten = [message for message, row in ready.personal.items() if row is None]
    if forgotten:
        await connection.execute(_PERSONAL["forget"], forgotten)


async def _fold_messages(connection: Connection, ready: Slice) -> list[Name]:
    """Fold what the sender's side did; returns the messages never stated as registered before."""
    if ready.held:
        await connection.execute(_FOLDS["held"])
    if not ready.prepared:
        return []
    rows = await connection.fetch(_FOLDS["prepared"])
    await connection.execute(_FOLDS["earlier"])
    return sorted(map(_name, rows))


async def _fold_interactions(connection: Connection, ready: Slice, tally: Tally) -> None:
    """Fold the histories; what is new in them lies in ``staged_fresh`` afterwards."""
    if ready.hits:
        for row in await connection.fetch(_FOLDS["interaction"]):
            tally.interactions[Kind(row["kind"]), row["human"]] += row["fresh"]
    tally.duplicates = len(ready.hits) - tally.new()
    if ready.correspondence:
        for row in await connection.fetch(_FOLDS["correspondence"]):
            tally.correspondence[row["type"]] += row["fresh"]
        tally.duplicates += len(ready.correspondence) - tally.correspondence.total()
    if ready.correspondence or ready.prepared:
        for row in await connection.fetch(_SETTLE):
            tally.interactions[Kind(row["kind"]), row["human"]] += row["fresh"]


async def _add_up(connection: Connection, ready: Slice, tally: Tally) -> None:
    """Fold what is new into the counting read models."""
    if tally.new(Kind.ATTACHMENT_VIEW):
        await connection.execute(_FOLDS["view_slot"])
    if tally.new():
        await connection.execute(_FOLDS["message"])
        await connection.execute(_FOLDS["recipient"])
    if tally.new(Kind.CLICK):
        await connection.execute(_FOLDS["link"])
    if tally.new(Kind.ATTACHMENT_VIEW):
        await connection.execute(_FOLDS["attachment"])
        await connection.execute(_FOLDS["viewer"])
    if tally.new() or ready.prepared:
        await connection.execute(_FOLDS["template"], ready.lane)
        await connection.execute(_FOLDS["activity"])
        await connection.execute(_FOLDS["hour_of_week"], ready.lane)
    if tally.new() or ready.prepared or ready.held:
        await connection.execute(_FOLDS["tenant_day"], ready.lane)


def _name(row: Row) -> Name:
    return row["tenant"], row["message_id"]


def _first(row: Row) -> First:
    return First(
        tenant=row["tenant"],
        message_id=row["message_id"],
        ref=row["ref"] or None,
        kind=Kind(row["kind"]),
        item=row["item"],
        event_id=row["event_id"],
        occurred_at=row["occurred_at"],
    )


async def _enqueue(
    connection: Connection, ready: Slice, stated: Sequence[tuple[Name, Encoded]]
) -> Counter[int]:
    """Leave facts to the relay, each on the lane of its message; counts them by lane."""
    lanes = [ready.lanes[topics.message_key(message)] for (_, message), _ in stated]
    if stated:
        rows = [
            (lane, one.key, _headers(one), one.value)
            for lane, (_, one) in zip(lanes, stated, strict=True)
        ]
        await connection.copy_rows("outbox", _OUTBOX, rows)
    return Counter(lanes)


def _headers(fact: Encoded) -> dict[str, str]:
    return {name: value.decode("ascii") for name, value in fact.headers}
