"""A rebuild that is killed, wherever it is: old or new, never neither; run again, it goes on."""

from services.projector.rebuild.tables import LIVE
from services.runtime.postgres import connect
from tests.projector.rebuild.rig import Rig, differing
from tests.support.eventually import eventually

_WAITS = """
select count(*) from pg_stat_activity
where application_name = 'inkling-projector-rebuild' and wait_event_type = 'Lock' and query like 'lock table%exclusive%'
"""
_GONE = (
    "select count(*) from pg_stat_activity where application_name like 'inkling-projector-rebuild%'"
)


async def _alone(rig: Rig) -> None:
    """Return when the server has noticed that the process is gone."""

    async def gone() -> bool:
        return bool(await rig.fetchval(_GONE) == 0)

    await eventually(gone)


async def test_killed_while_it_folds_it_goes_on_from_there(rig: Rig) -> None:
    async with rig.live():
        await rig.feed.put([*rig.story.prepared(), *rig.story.happenings(3_000)])
        await rig.caught_up()
        folded = "select count(*) from projector_beside.interaction"

        async def begun() -> bool:
            return bool(
                await rig.fetchval("select to_regclass('projector_beside.generation') is not null")
                and await rig.fetchval(folded) > 200
            )

        await rig.killed("run", "--rate", "1000", when=begun)
        await _alone(rig)
        before = await rig.fetchval(folded)
        assert 200 < before < 2_500
        answer = await rig.rebuild("run")
        assert answer["same"], differing(answer)


async def test_killed_as_it_takes_the_tables_live_is_the_old_and_then_the_new(rig: Rig) -> None:
    async with rig.live():
        await rig.feed.put([*rig.story.prepared(), *rig.story.happenings(500)])
        await rig.caught_up()
        await rig.execute("update message set opens = opens + 1")
        answer = await rig.rebuild("run")
        mails = len(rig.story.mails)
        assert differing(answer) == {"message": (0, 0, mails)}
        wrong = await rig.fetchval("select sum(opens)::int from message")
        async with (
            connect(
                rig.database.url("projector_reader"), application="tests", schema=LIVE
            ) as reader,
            reader.transaction({"app.tenant": rig.story.tenants[0]}),
        ):
            await reader.fetchval("select count(*) from link")

            async def waits() -> bool:
                return bool(await rig.fetchval(_WAITS) > 0)

            await rig.killed("switch", when=waits)
        await _alone(rig)
        assert await rig.fetchval("select sum(opens)::int from message") == wrong
        assert (await rig.rebuild("status"))["state"] == "built"
        await rig.rebuild("switch")
        assert await rig.fetchval("select sum(opens)::int from message") == wrong - mails
        await rig.feed.put(rig.story.happenings(100))
        await rig.caught_up()


async def test_two_at_a_time_are_one_too_many(rig: Rig) -> None:
    async with rig.connected("projector_owner") as other:
        assert await other.fetchval(
            "select pg_try_advisory_lock(hashtext('inkling'), hashtext('projector.rebuild'))"
        )
        assert "another process" in (await rig.rebuild("run", code=1))["told"]


async def test_a_log_that_does_not_go_back_to_its_beginning_is_told_and_not_switched_to(
    rig: Rig,
) -> None:
    async with rig.live():
        await rig.feed.put([*rig.story.prepared(), *rig.story.happenings(300)])
        await rig.caught_up()
        await rig.truncate()
        answer = await rig.rebuild("run")
        assert list(answer["truncated"].values()) == [5]
        assert not answer["same"]
        assert "begins at 5" in (await rig.rebuild("switch", code=1))["told"]
        await rig.rebuild("switch", "--truncated")
