"""Following live: exactly as far as it is allowed, and with its own checkpoints."""

import asyncio

from services.projector.rebuild import beside
from services.projector.rebuild.following import following
from services.projector.rebuild.pacing import Pace
from services.projector.rebuild.tables import LIVE
from services.runtime.lifecycle import Life
from services.runtime.postgres import Pool
from tests.projector.rebuild.rig import SECONDS, Rig
from tests.support.eventually import eventually


async def test_it_goes_exactly_as_far_as_it_is_allowed_and_never_further_than_live(
    rig: Rig,
) -> None:
    async with rig.live():
        await rig.feed.put([*rig.story.prepared(), *rig.story.happenings(600)])
        await rig.caught_up()
    url = rig.database.url("projector_owner")
    async with (
        Pool(url, application="tests", schema=LIVE, size=4) as owner,
        asyncio.TaskGroup() as tasks,
    ):
        life = Life("tests", tasks, 5.0)
        async with owner.acquire() as connection:
            await beside.make(connection)
        # What live has not read is there, and not for us.
        await rig.feed.put(rig.story.happenings(200))
        async with following(
            owner=owner,
            writer_url=rig.database.url("projector_writer"),
            servers=rig.servers,
            pace=Pace(),
            life=life,
        ) as follower:
            places = await beside.places(owner)
            half = {one.lane: (one.live or 0) // 2 for one in places}
            assert await follower.until_at(half, SECONDS)
            assert {one.lane: one.beside or 0 for one in await beside.places(owner)} == half
            await follower.follow()

            async def there() -> bool:
                return all(one.beside == one.live for one in await beside.places(owner))

            await eventually(there, SECONDS)

            async def shared() -> bool:
                owners = await owner.fetchval(
                    "select count(distinct owner) from projector_beside.checkpoint"
                )
                return bool(owners == 2)

            await eventually(shared, SECONDS)
            assert not await follower.until_at(
                {lane: at + 10_000 for lane, at in half.items()}, 0.2
            )
            assert not await follower.until_at(half, 0.2)
            assert follower.trouble() is None
    assert await rig.fetchval("select count(*) from checkpoint where consumer <> 'projector'") == 0
