"""Makes deliveries of facts, inside the transaction that folds them: what is folded will be delivered."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Final
from uuid import UUID

from schemas.identity import MessageId
from services.alerts.webhooks.body import Told
from services.alerts.webhooks.kinds import delivery_id
from services.runtime.postgres import Connection, Queries, Row

_SQL: Final = Queries.load("services.alerts.webhooks", "enqueue.sql")


async def enqueue(
    connection: Connection, told: Collection[Told], touched: Sequence[MessageId], now: int
) -> Counter[UUID]:
    """Keep the facts of a slice and make deliveries of all that can be told now; counts them by endpoint.

    A fact waits until its message is registered, and goes to the endpoints that want it then.
    """
    if told:
        await connection.execute(_SQL["keep"], *_columns([_row(one) for one in told]))
    facts = await connection.fetch(_SQL["tell"], touched, now) if touched else []
    if not facts:
        return Counter()
    tenants = sorted({fact["tenant"] for fact in facts})
    endpoints = await connection.fetch(_SQL["endpoints"], tenants)
    made = list(_deliveries(facts, endpoints, now))
    if not made:
        return Counter()
    fresh = await connection.fetch(_SQL["enqueue"], *_columns(made))
    return Counter(row["webhook_id"] for row in fresh)


async def scrub(connection: Connection, messages: Sequence[MessageId]) -> None:
    """Forget the bodies about messages whose personal data changed, or went."""
    await connection.execute(_SQL["scrub"], messages)


def _deliveries(
    facts: Sequence[Row], endpoints: Sequence[Row], now: int
) -> Iterator[tuple[object, ...]]:
    ordered = sorted(facts, key=lambda fact: (fact["occurred_at"], fact["fact_id"]))
    for place, fact in enumerate(ordered):
        for endpoint in endpoints:
            types = endpoint["types"]
            if endpoint["tenant"] == fact["tenant"] and (not types or fact["type"] in types):
                identifier = delivery_id(fact["fact_id"], endpoint["id"])
                about = (fact["tenant"], fact["fact_id"], fact["message_id"], fact["type"])
                # Apart, so that a range of times can name them one by one.
                yield (identifier, endpoint["id"], *about, now + place)


def _row(told: Told) -> tuple[object, ...]:
    place = (told.tenant, told.type, told.message_id, told.ref, told.ordinal)
    return (told.fact_id, *place, told.occurred_at, dict(told.detail))


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    # As arrays, since COPY is not possible where row security applies.
    return [list(column) for column in zip(*rows, strict=True)]
