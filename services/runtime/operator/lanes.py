"""Looks at the lanes of a consumer, stops them and lets them go on; what is passed over by it is never silent."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from services.runtime.halts import Extent, HaltReason
from services.runtime.leases import Lane
from services.runtime.operator.resuming import (
    Places,
    Refused,
    Stand,
    Step,
    Way,
    Wish,
    another,
    step,
)
from services.runtime.postgres import Connection, Pool, Queries
from services.runtime.quarantine import storable

_SQL: Final = Queries.load("services.runtime.operator", "lanes.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStand:
    """A lane as the table shows it; what Kafka did not tell is None."""

    lane: Lane
    owner: str | None
    epoch: int
    next_offset: int | None
    end: int | None
    lag: int | None
    behind_seconds: float | None
    halted: str | None
    halted_at: int | None
    detail: str | None

    def shown(self) -> dict[str, Any]:
        """Return it for a machine to read."""
        return {**asdict(self), "lane": str(self.lane)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Records of a lane that were passed over by somebody's decision."""

    lane: Lane
    from_offset: int
    to_offset: int
    reason: str
    made_by: str
    made_at: int

    def shown(self) -> dict[str, Any]:
        """Return it for a machine to read."""
        return {**asdict(self), "lane": str(self.lane)}


class Lanes:
    """The lanes of one consumer, for an operator."""

    def __init__(self, pool: Pool, consumer: str) -> None:
        self._pool = pool
        self._consumer = consumer

    async def known(self) -> list[Lane]:
        """Return every lane that has a checkpoint."""
        rows = await self._pool.fetch(_SQL["lanes"], self._consumer)
        return [Lane(row["topic"], row["partition"]) for row in rows]

    async def survey(self, logs: Mapping[Lane, Extent]) -> list[LaneStand]:
        """Return how every lane stands, beside what Kafka has of it."""
        found = []
        for row in await self._pool.fetch(_SQL["lanes"], self._consumer):
            lane = Lane(row["topic"], row["partition"])
            end = logs[lane].end if lane in logs else None
            lag = None
            if end is not None and row["next_offset"] is not None:
                lag = max(0, end - row["next_offset"])
            stand = LaneStand(
                lane=lane,
                owner=row["owner"],
                epoch=row["epoch"],
                next_offset=row["next_offset"],
                end=end,
                lag=lag,
                behind_seconds=0.0 if lag == 0 and row["halted"] is None else row["behind"],
                halted=row["halted"],
                halted_at=row["halted_at"],
                detail=row["halted_detail"],
            )
            found.append(stand)
        return found

    async def parse(self, text: str) -> Lane:
        """Return the lane of that name, `topic/partition`; Refused where there is none."""
        topic, _, number = text.rpartition("/")
        known = await self.known()
        lane = Lane(topic, int(number)) if number.isascii() and number.isdigit() else None
        if lane not in known or lane is None:
            names = ", ".join(map(str, known)) or "none yet"
            raise Refused(Way.AS_IT_IS, f"there is no lane {text!r}; there are: {names}")
        return lane

    async def halt(self, lane: Lane, by: str, why: str = "") -> None:
        """Stop a lane for every worker; Refused where it is halted already."""
        detail = storable(f"by {by}{': ' + why if why else ''}")
        done = await self._pool.execute(
            _SQL["halt"], self._consumer, *lane, HaltReason.OPERATOR, detail
        )
        if not done:
            raise Refused(Way.AS_IT_IS, "it is halted already")

    async def stand(self, lane: Lane) -> Stand:
        """Return how a lane stands; Refused where there is none."""
        async with self._pool.acquire() as connection:
            return await self._stand(connection, _SQL["stand"], lane)

    async def resume(
        self, lane: Lane, wish: Wish, log: Extent | None, by: str, places: Places | None = None
    ) -> Step:
        """Let a halted lane go on; what is passed over is kept in the table of gaps, in the same transaction.

        `places` knows the records around where it stands and where it is to go on, if anybody looked: where the
        log is not what was folded, the lane's reason becomes that, and Refused says so.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            stand = await self._stand(connection, _SQL["lock"], lane)
            where = (self._consumer, *lane)
            halt = another(stand, log, places)
            if halt is None:
                taken = step(stand, log, wish)
                await self._go_on(connection, lane, stand, taken, places, by)
                return taken
            await connection.execute(_SQL["relabel"], *where, *halt)
        raise Refused(wish.way, f"{halt.detail}; the lane is halted for {halt.reason} now")

    async def _go_on(
        self,
        connection: Connection,
        lane: Lane,
        stand: Stand,
        taken: Step,
        places: Places | None,
        by: str,
    ) -> None:
        where = (self._consumer, *lane)
        if taken.next_offset is None:
            await connection.execute(_SQL["go_on"], *where)
            return
        anchor = places.digest(taken.next_offset - 1) if places is not None else None
        await connection.execute(_SQL["go_on_at"], *where, taken.next_offset, anchor)
        if taken.gap is not None:
            told = (*taken.gap, stand.halted, storable(by))
            await connection.execute(_SQL["pass_over"], *where, *told)

    async def _stand(self, connection: Connection, statement: str, lane: Lane) -> Stand:
        row = await connection.fetchrow(statement, self._consumer, *lane)
        if row is None:
            raise Refused(Way.AS_IT_IS, f"there is no lane {lane}")
        return Stand(row["next_offset"], row["halted"], row["topic_id"], row["anchor"])

    async def gaps(self, lane: Lane | None = None) -> list[Gap]:
        """Return what was never folded, the latest first."""
        where = (None, None) if lane is None else lane
        return [
            Gap(
                lane=Lane(row["topic"], row["partition"]),
                **{name: row[name] for name in ("from_offset", "to_offset", "reason")},
                **{name: row[name] for name in ("made_by", "made_at")},
            )
            for row in await self._pool.fetch(_SQL["gaps"], self._consumer, *where)
        ]

    async def passed_over(self) -> int:
        """Return how many records were never folded."""
        return int(await self._pool.fetchval(_SQL["passed_over"], self._consumer))

    async def unheld(self) -> list[Lane]:
        """Return the lanes that nobody holds."""
        rows = await self._pool.fetch(_SQL["unheld"], self._consumer)
        return [Lane(row["topic"], row["partition"]) for row in rows]

    async def waiting(self) -> dict[str, int]:
        """Return how many records wait in quarantine, by reason."""
        return {row["reason"]: row["records"] for row in await self._pool.fetch(_SQL["waiting"])}
