"""Looks at the lanes of a consumer, stops them and lets them go on; what is passed over by it is never silent."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from services.runtime.errors import Transient
from services.runtime.halts import Extent, HaltReason
from services.runtime.kafka import Consumer
from services.runtime.leases import Lane
from services.runtime.operator.resuming import Refused, Stand, Step, Way, Wish, step
from services.runtime.postgres import Pool, Queries
from services.runtime.quarantine import storable

_SQL: Final = Queries.load("services.runtime.operator", "lanes.sql")
_KAFKA_SECONDS: Final = 5.0


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


async def extents(servers: str, lanes: Collection[Lane]) -> dict[Lane, Extent]:
    """Return what Kafka has of the lanes, without those that it has not; Transient when it does not answer."""
    consumer = Consumer(servers, "operator")
    try:
        await consumer.start(_KAFKA_SECONDS)
        topics = await consumer.topics({lane.topic for lane in lanes}, _KAFKA_SECONDS)
        there = [
            lane
            for lane in lanes
            if lane.topic in topics and lane.partition < topics[lane.topic].partitions
        ]
        if not there:
            return {}
        begins = await consumer.beginning_offsets(there, _KAFKA_SECONDS)
        ends = await consumer.end_offsets(there, _KAFKA_SECONDS)
        return {lane: Extent(begins[lane], ends[lane], topics[lane.topic].id) for lane in there}
    finally:
        await consumer.close(_KAFKA_SECONDS)


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

    async def resume(self, lane: Lane, wish: Wish, log: Extent | None, by: str) -> Step:
        """Let a halted lane go on; what is passed over is kept in the table of gaps, in the same transaction."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_SQL["lock"], self._consumer, *lane)
            if row is None:
                raise Refused(Way.AS_IT_IS, f"there is no lane {lane}")
            stand = Stand(row["next_offset"], row["halted"], row["topic_id"])
            taken = step(stand, log, wish)
            if taken.next_offset is None:
                await connection.execute(_SQL["go_on"], self._consumer, *lane)
            else:
                where = (self._consumer, *lane)
                await connection.execute(_SQL["go_on_at"], *where, taken.next_offset)
                if taken.gap is not None:
                    told = (*taken.gap, stand.halted, storable(by))
                    await connection.execute(_SQL["pass_over"], *where, *told)
        return taken

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


async def logs_or_none(servers: str, lanes: Collection[Lane]) -> tuple[dict[Lane, Extent], str]:
    """Return what Kafka has, or nothing and why, so that lanes can be looked at while it is away."""
    try:
        return await extents(servers, lanes), ""
    except Transient as error:
        return {}, str(error)
