"""What live folded out of the quarantine is beside too, once, whenever that happened."""

from prometheus_client import CollectorRegistry

from schemas.instant import SECOND
from services.projector import reading
from services.projector.admission import LATENESS_WINDOW
from services.projector.apply import ReadModels
from services.projector.metrics import Metrics
from services.projector.rebuild.redriven import Redriven
from services.projector.rebuild.tables import LIVE
from services.runtime.clock import SystemClock
from services.runtime.kafka import Record
from services.runtime.postgres import Pool
from services.runtime.quarantine import set_aside
from tests.projector.rebuild.test_comparing import HISTORY, both, compared
from tests.projector.records import NOW, clicked, hit_id, opened, record
from tests.projector.store import Store
from tests.support.stack import Database

_THEN = NOW - LATENESS_WINDOW - 5 * SECOND
LATE: list[Record] = [
    record(opened(), identifier=hit_id(_THEN, 1), at=_THEN, recorded_at=NOW, offset=50),
    record(clicked(2), identifier=hit_id(_THEN, 2), at=_THEN, recorded_at=NOW, offset=51),
]


async def redrive(live: Store, records: list[Record]) -> None:
    """Do what `quarantine redrive` does: fold, and mark."""
    ready = live.fold.begin()
    for one in records:
        assert reading.take(ready, one, accept_late=True) is None
    async with live.pool.acquire() as connection, connection.transaction():
        await live.fold.apply(connection, ready)
        await connection.execute(
            "update quarantine set state = 1,"
            " changed_at = (extract(epoch from clock_timestamp()) * 1000000)::bigint"
            " where record_offset = any($1::bigint[])",
            [one.offset for one in records],
        )


async def test_it_keeps_up_with_what_live_folds_later(database: Database) -> None:
    async with both(database) as (live, aside):
        await aside.apply([*HISTORY, *LATE])
        refused = await live.apply([*HISTORY, *LATE])
        assert [one.reason for one in refused] == ["late", "late"]
        async with live.pool.acquire() as connection, connection.transaction():
            await set_aside(connection, refused)
        url = database.url("projector_owner")
        async with Pool(url, application="tests", schema=LIVE, size=1) as owner:
            fold = ReadModels(SystemClock(), Metrics(CollectorRegistry()), None)
            redriven = Redriven(owner, aside.pool, fold)
            for one in LATE:
                await redriven.keep_up()
                await redrive(live, [one])
                found = await compared(live)
                assert not found["interaction"].same
                for _ in range(2):
                    await redriven.keep_up()
                assert [
                    table for table, one in (await compared(live)).items() if not one.same
                ] == []
            # And whoever comes anew folds it again to no effect.
            await Redriven(owner, aside.pool, fold).keep_up()
            assert all(one.same for one in (await compared(live)).values())
