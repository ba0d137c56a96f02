"""Records set aside with reason and coordinates, to be applied later; bounded, so that a mistake
of ours does not empty a topic into it.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from services.runtime.kafka import Record
from services.runtime.postgres import Connection, Queries, Row

BUDGET = 100  # refused among the last WINDOW records of a lane; more is our bug, not the data's
WINDOW = 1000
_DETAIL_CHARACTERS = 2000
_SQL = Queries.load("services.runtime", "quarantine.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A record that can never be applied, and why: a word of a closed list, and text for a person."""

    record: Record
    reason: str
    detail: str = ""


def is_flood(history: Iterable[bool], coming: Sequence[bool]) -> bool:
    """Tell whether the budget of any window is overdrawn, counting what comes (True: refused)."""
    window = deque(history, WINDOW)
    refused = sum(window)
    for bad in coming:
        if len(window) == WINDOW:
            refused -= window[0]
        window.append(bad)
        refused += bad
        if refused > BUDGET:
            return True
    return False


def reasons(refused: Sequence[Refusal]) -> Iterator[tuple[str, int]]:
    """Return each reason with how many records it refused."""
    for reason, same in itertools.groupby(sorted(one.reason for one in refused)):
        yield reason, len(list(same))


async def set_aside(connection: Connection, refused: Sequence[Refusal]) -> None:
    """Store refused records inside the caller's transaction; the same one again changes nothing."""
    rows = [
        (
            *one.record.lane,
            one.record.offset,
            storable(one.reason),
            storable(one.detail),
            one.record.key,
            _packed(one.record),
            one.record.value,
            one.record.timestamp_ms,
        )
        for one in refused
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    await connection.execute(_SQL["set_aside"], *columns)


def restored(row: Row) -> Record:
    """Return the record that a row of the quarantine holds; its timestamp is 0 where none was kept."""
    return Record(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["record_offset"],
        key=row["key"],
        value=row["value"],
        headers=tuple(
            (name, text.encode("latin-1")) for name, text in orjson.loads(row["headers"])
        ),
        timestamp_ms=row["timestamp_ms"] or 0,
    )


def _packed(record: Record) -> bytes:
    return orjson.dumps([[name, value.decode("latin-1")] for name, value in record.headers])


def storable(text: str) -> str:
    """Return text that PostgreSQL takes: no NUL, no lone surrogate, no book."""
    cut = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:_DETAIL_CHARACTERS]
    return cut.encode(errors="replace").decode()
