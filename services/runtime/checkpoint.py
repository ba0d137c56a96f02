"""The checkpoint table: who holds which lane, how far it is folded, and the fence around both.

Leases share the work out; the epoch alone decides who may write. Both use the server's clock.
"""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.runtime.kafka import Record
from services.runtime.leases import Lane
from services.runtime.postgres import Connection, Pool, Queries, Row

_SQL = Queries.load("services.runtime", "checkpoint.sql")
READ_TO = _SQL["read_to"]
"""The statement of `read_to`, to stand in a larger one; $1 is the consumer."""


class Fenced(Exception):
    """Checkpoints carry another epoch, or are gone: these lanes are not ours any more."""

    def __init__(self, lanes: Collection[Lane]) -> None:
        super().__init__(*map(str, lanes))
        self.lanes = frozenset(lanes)


class Moved(Exception):
    """Checkpoints are not as we left them: a commit of unknown outcome, an operator, or a restored backup."""

    def __init__(self, next_offsets: Mapping[Lane, int]) -> None:
        super().__init__(next_offsets)
        self.next_offsets = next_offsets

    @property
    def lanes(self) -> frozenset[Lane]:
        """Return which moved."""
        return frozenset(self.next_offsets)


class Move(NamedTuple):
    """A lane's step: from where its checkpoint should be, past a record."""

    lane: Lane
    epoch: int
    next_offset: int
    last: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A lane just taken, and what its checkpoint says; no offset means that it was never begun.

    `read_to` is in seconds since 1970: what Kafka acknowledged before is folded.
    """

    lane: Lane
    epoch: int
    next_offset: int | None
    anchor: bytes | None
    halted: str | None
    topic_id: str | None
    read_to: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The consumer's workers and leases at one moment; `kept` are ours, with why they are halted."""

    workers: tuple[str, ...]
    owners: dict[Lane, str | None]
    kept: dict[Lane, str | None]


class Checkpoints:
    """One worker's view of the checkpoints of one consumer."""

    def __init__(self, pool: Pool, consumer: str, worker: str) -> None:
        self._pool = pool
        self._consumer = consumer
        self._worker = worker

    async def add(self, lanes: Collection[Lane]) -> None:
        """Give lanes that have none a checkpoint that is not begun."""
        await self._pool.execute(_SQL["add"], self._consumer, *_lanes(lanes))

    async def look(
        self, renewing: Collection[tuple[Lane, int]], current: Collection[Lane], age: float
    ) -> Survey:
        """Say that this worker lives, prolong those of its leases, and see who holds what.

        The current lanes were at their end so many seconds ago.
        """
        async with self._pool.acquire() as connection:
            await connection.execute(_SQL["see_worker"], self._worker)
            workers = await connection.fetch(_SQL["workers"], self._consumer)
            at_end = [lane in current for lane, _ in renewing]
            kept = await connection.fetch(
                _SQL["renew"], self._consumer, *_leases(renewing), at_end, age, self._worker
            )
            owners = await connection.fetch(_SQL["owners"], self._consumer)
        return Survey(
            workers=tuple(row["id"] for row in workers),
            owners={Lane(row["topic"], row["partition"]): row["owner"] for row in owners},
            kept={Lane(row["topic"], row["partition"]): row["halted"] for row in kept},
        )

    async def claim(self, lanes: Collection[Lane]) -> list[Claim]:
        """Take those of the lanes that are free or were ours, each with a new epoch."""
        rows = await self._pool.fetch(_SQL["claim"], self._consumer, self._worker, *_lanes(lanes))
        return [
            Claim(
                lane=Lane(row["topic"], row["partition"]),
                epoch=row["epoch"],
                next_offset=row["next_offset"],
                anchor=row["anchor"],
                halted=row["halted"],
                topic_id=row["topic_id"],
                read_to=row["read_to"],
            )
            for row in rows
        ]

    async def end_stuck(self) -> int:
        """End sessions of stopped workers that PostgreSQL does not end by itself; returns how many."""
        return len(await self._pool.fetch(_SQL["end_stuck"]))

    async def begin(self, lane: Lane, epoch: int, offset: int) -> bool:
        """Store where a lane begins; False when it is not ours any more."""
        return await self._pool.execute(_SQL["begin"], *self._key(lane), epoch, offset) == 1

    async def recognise(self, lane: Lane, epoch: int, topic_id: str) -> None:
        """Remember which topic a lane is of, so that another one under its name is noticed."""
        await self._pool.execute(_SQL["recognise"], *self._key(lane), epoch, topic_id)

    @contextlib.asynccontextmanager
    async def advancing(self, moves: Sequence[Move]) -> AsyncIterator[Connection]:
        """Run a block in the transaction that moves the lanes' checkpoints, all or none.

        Fenced or Moved, with nothing done, when some checkpoints are not as the caller believes.
        After Transient the outcome is unknown: the next attempt finds out by Moved.
        """
        lanes = _lanes([move.lane for move in moves])
        async with self._pool.acquire() as connection, connection.transaction():
            _compare(
                moves, await connection.fetch(_SQL["lock"], self._consumer, *lanes), self._worker
            )
            yield connection
            advanced = await connection.execute(
                _SQL["advance"],
                self._consumer,
                *_leases([(move.lane, move.epoch) for move in moves]),
                [move.last.offset + 1 for move in moves],
                [digest(move.last) for move in moves],
                [float(move.last.timestamp_ms) for move in moves],
            )
            if advanced != len(moves):
                raise Fenced([move.lane for move in moves])

    async def halt(self, lane: Lane, epoch: int, reason: str, detail: str = "") -> None:
        """Stop a lane for every worker until an operator clears the reason."""
        await self._pool.execute(_SQL["halt"], *self._key(lane), epoch, reason, detail)

    async def release(self, leases: Collection[tuple[Lane, int]]) -> None:
        """Give leases back."""
        await self._pool.execute(_SQL["release"], self._consumer, *_leases(leases))

    async def leave(self, leases: Collection[tuple[Lane, int]]) -> None:
        """Give leases back and take this worker off the list."""
        await self.release(leases)
        await self._pool.execute(_SQL["forget_worker"], self._worker, self._consumer)

    def _key(self, lane: Lane) -> tuple[str, str, int]:
        return (self._consumer, lane.topic, lane.partition)


async def read_to(connection: Connection, consumer: str) -> int | None:
    """Return the instant before which everything Kafka acknowledged is folded (by Kafka's producers' clocks).

    None while there is a lane that nobody has read yet.
    """
    found: int | None = await connection.fetchval(_SQL["read_to"], consumer)
    return found


def digest(record: Record) -> bytes:
    """Return what identifies a record at its place, to recognise the log by."""
    state = hashlib.blake2b(digest_size=16)
    for part in (record.key or b"", record.value or b"", b"%d" % record.timestamp_ms):
        state.update(len(part).to_bytes(4, "big"))
        state.update(part)
    return state.digest()


def _compare(moves: Sequence[Move], rows: Sequence[Row], worker: str) -> None:
    stored = {Lane(row["topic"], row["partition"]): row for row in rows}
    fenced = [
        move.lane
        for move in moves
        if move.lane not in stored
        # After a restored backup an epoch is given out a second time.
        or (stored[move.lane]["epoch"], stored[move.lane]["owner"]) != (move.epoch, worker)
    ]
    if fenced:
        raise Fenced(fenced)
    found = {move.lane: stored[move.lane]["next_offset"] for move in moves}
    moved = {
        move.lane: found[move.lane]
        for move in moves
        if found[move.lane] != move.next_offset or stored[move.lane]["halted"] is not None
    }
    if moved:
        raise Moved(moved)


def _lanes(lanes: Collection[Lane]) -> tuple[list[str], list[int]]:
    return [lane.topic for lane in lanes], [lane.partition for lane in lanes]


def _leases(leases: Collection[tuple[Lane, int]]) -> tuple[list[str], list[int], list[int]]:
    return (*_lanes([lane for lane, _ in leases]), [epoch for _, epoch in leases])
