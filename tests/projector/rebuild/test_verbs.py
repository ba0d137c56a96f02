"""The verbs as an operator runs them: processes beside a projector that folds."""

import re

import pytest

from services.projector.rebuild.verbs import rebuild
from tests.projector.rebuild.rig import Rig, differing

DAMAGE = """
delete from correspondence where event_id in (select event_id from correspondence order by 1 limit 2);
update message set opens = opens + 5
where (tenant, message_id) = (select tenant, message_id from message order by 1, 2 limit 1);
insert into link (tenant, message_id, link_index) values ('nobody', '00000000-0000-5000-8000-000000000000', 3);
"""


def _damaged(link: tuple[int, int, int] = (1, 0, 0)) -> dict[str, tuple[int, int, int]]:
    return {"message": (0, 0, 1), "correspondence": (0, 2, 0), "link": link}


async def test_what_is_made_anew_under_traffic_is_what_is_live(rig: Rig) -> None:
    async with rig.live():
        await rig.feed.put(rig.story.prepared())
        await rig.feed.put(rig.story.happenings(2_000))
        async with rig.feed.flowing(rig.story.living, 400.0):
            answer = await rig.rebuild("run", "--switch")
        assert answer["same"], differing(answer)
        assert sum(answer["vector"].values()) > 2_000
        rows = {one["table"]: one["beside_rows"] for one in answer["compared"]}
        assert rows["message"] == len(rig.story.mails)
        assert rows["interaction"] > 1_500
        # Live goes on where it was, in the tables that were made anew; and what went out can follow it.
        await rig.caught_up()
        assert (await rig.rebuild("compare"))["same"]
        assert (await rig.rebuild("status"))["state"] == "switched"


async def test_no_fact_is_stated_anew(rig: Rig) -> None:
    async with rig.live():
        await rig.feed.put([*rig.story.prepared(), *rig.story.happenings(500)])
        await rig.caught_up()
        before = await rig.facts()
        assert before[0]
        await rig.rebuild("run", "--switch")
        await rig.rebuild("back")
        assert await rig.facts() == before


async def test_damage_is_shown_exactly_repaired_by_a_switch_and_there_again_when_that_is_taken_back(
    rig: Rig,
) -> None:
    async with rig.live():
        await rig.feed.put([*rig.story.prepared(), *rig.story.happenings(1_000)])
        await rig.caught_up()
        await rig.execute(DAMAGE)
        shown = await rig.rebuild("run")
        assert differing(shown) == _damaged()
        (message,) = next(one for one in shown["compared"] if one["table"] == "message")["sample"]
        (opens,) = message["columns"].values()
        assert list(message["columns"]) == ["opens"]
        assert opens[0] == opens[1] + 5
        assert (await rig.rebuild("status"))["state"] == "built"
        await rig.rebuild("switch")
        assert await rig.fetchval("select count(*) from link where tenant = 'nobody'") == 0
        assert "kept beside" in (await rig.rebuild("run", code=1))["told"]
        assert "already" in (await rig.rebuild("switch", code=1))["told"]
        await rig.feed.put(rig.story.happenings(300))
        await rig.rebuild("back")
        await rig.caught_up()
        assert await rig.fetchval("select count(*) from link where tenant = 'nobody'") == 1
        assert differing(await rig.rebuild("compare")) == differing(shown)
        await rig.rebuild("drop")
        assert (await rig.rebuild("status"))["state"] == "none"
        assert "nothing beside" in (await rig.rebuild("back", code=1))["told"]


async def test_some_read_models_can_be_switched_alone(rig: Rig) -> None:
    async with rig.live():
        await rig.feed.put([*rig.story.prepared(), *rig.story.happenings(500)])
        await rig.caught_up()
        await rig.execute(DAMAGE)
        await rig.rebuild("run", "--models", "link,message", "--switch")
        found = await rig.rebuild("compare")
        # What was wrong with the two is beside now; what is wrong with the third is live still.
        assert differing(found) == _damaged(link=(0, 1, 0))
        await rig.feed.put(rig.story.happenings(300))
        await rig.rebuild("back")
        found = await rig.rebuild("compare")
        assert differing(found) == _damaged()


async def test_old_days_get_partitions_of_their_own(rig: Rig) -> None:
    async with rig.live():
        await rig.feed.put([*rig.story.prepared(), *rig.story.happenings(200)])
        await rig.caught_up()
        await rig.execute(
            "do $$ declare name text; begin for name in select inhrelid::regclass from pg_inherits"
            " where inhparent = 'interaction'::regclass and inhrelid <> 'interaction_other'::regclass"
            " loop execute format('drop table %s', name); end loop; end $$"
        )
        answer = await rig.rebuild("run", "--switch")
        assert differing(answer)["interaction"][0] == 0
        assert await rig.fetchval("select count(*) from interaction") > 0
        assert await rig.fetchval("select count(*) from interaction_other") == 0


async def test_what_live_has_set_aside_is_left_out_and_told(rig: Rig) -> None:
    bad = rig.story.happenings(3)
    async with rig.live():
        await rig.feed.put(rig.story.prepared())
        # On partitions that are not theirs nothing is wrong with them; on a topic that is not theirs it is.
        await rig.poison(bad)
        await rig.caught_up()
        assert await rig.fetchval("select count(*) from quarantine") == len(bad)
        answer = await rig.rebuild("run")
        assert answer["same"]
        assert (answer["refused"], answer["left_out_as_live"]) == ({}, len(bad))
        assert await rig.fetchval("select count(*) from quarantine") == len(bad)
        await rig.execute("delete from quarantine")
        await rig.rebuild("drop")
        answer = await rig.rebuild("run")
        assert answer["refused"] == {"wrong_topic": len(bad)}
        assert await rig.fetchval("select count(*) from quarantine") == 0


async def test_it_goes_no_faster_than_it_is_told(rig: Rig) -> None:
    async with rig.live():
        await rig.feed.put([*rig.story.prepared(), *rig.story.happenings(1_500)])
        await rig.caught_up()
        process = await rig.launch("run", "--rate", "500")
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        told = re.findall(
            r"([\d,]+) of ([\d,]+) records \(([\d.]+) %\), ([\d,]+) a second", err.decode()
        )
        assert told
        assert all(int(rate.replace(",", "")) <= 1_000 for *_, rate in told)
        assert b'"same":true' in out


def test_what_is_not_understood_is_told() -> None:
    assert rebuild({}, ["turn"]) == 2
    assert rebuild({}, ["run", "--rate", "-1"]) == 2
    assert rebuild({}, ["status"]) == 2


def test_a_database_that_is_not_there_is_told_without_its_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    environ = {"INKLING_KAFKA_SERVERS": "127.0.0.1:1"} | {
        f"INKLING_PROJECTOR_{role}DATABASE_URL": "postgresql://x:secret@127.0.0.1:1/inkling"
        for role in ("", "READER_", "OWNER_")
    }
    assert rebuild(environ, ["status"]) == 1
    told = capsys.readouterr().err
    assert "postgres" in told
    assert "secret" not in told
