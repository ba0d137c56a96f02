"""What the tables say of lanes, when nobody is there to tell it."""

import asyncio
from collections.abc import Mapping

from services.runtime.lane_watch import LaneWatch
from services.runtime.lifecycle import Life
from tests.support.eventually import eventually
from tests.support.folding import a_pool, a_schema
from tests.support.stack import Database

STANDS = """
insert into projector.checkpoint (consumer, topic, partition, owner, lease_until) values
    ('tally', 'events', 0, 'tally/a', now() + interval '1 h'),
    ('tally', 'events', 1, 'tally/a', now() - interval '1 s'),
    ('tally', 'events', 2, null, null), ('other', 'events', 0, null, null);
insert into projector.gap (consumer, topic, partition, from_offset, to_offset, reason, made_by) values
    ('tally', 'events', 0, 5, 15, 'poison_flood', 'ann'), ('other', 'events', 0, 5, 15, 'poison_flood', 'ann');
insert into projector.quarantine (topic, partition, record_offset, reason, detail, headers, state) values
    ('events', 0, 1, 'late', '', '[]', 0), ('events', 0, 2, 'late', '', '[]', 1),
    ('events', 0, 3, 'schema', '', '[]', 0);
"""


class Seen:
    """What was shown."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, dict[str, int]]] = []

    def stands(self, unheld: int, passed_over: int, waiting: Mapping[str, int]) -> None:
        self.told.append((unheld, passed_over, dict(waiting)))


async def test_what_nobody_holds_what_was_passed_over_and_what_waits_is_shown(
    database: Database,
) -> None:
    await a_schema(database)
    database.execute(STANDS)
    seen = Seen()
    async with a_pool(database) as pool, asyncio.TaskGroup() as tasks:
        life = Life("tests", tasks, 5.0)
        tasks.create_task(LaneWatch(pool, "tally", seen).run(life))
        await eventually(lambda: bool(seen.told))
        life.stop()
    assert seen.told == [(2, 10, {"late": 1, "schema": 1})]
