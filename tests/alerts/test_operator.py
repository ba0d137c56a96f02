"""The operator's verbs of alerts, as real processes."""

import asyncio

from schemas.topics import FACTS
from services.alerts.app import PACKAGES, SCHEMA
from services.runtime import migrations
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from services.runtime.postgres import Pool
from services.runtime.quarantine import Refusal, set_aside
from tests.support.stack import Database
from tests.support.verbs import verb

LANE = Lane(FACTS.name, 1)
CHECKPOINT = (
    "insert into checkpoint (consumer, topic, partition, next_offset) values ('alerts', $1, $2, 50)"
)


async def test_lanes_and_quarantine_are_looked_at_and_acted_upon(
    kafka_servers: str, database: Database
) -> None:
    await migrations.apply(database.url("alerts_owner"), SCHEMA, PACKAGES)
    url = database.url("alerts_writer")
    async with Pool(url, application="test", schema=SCHEMA, size=2) as pool:
        await pool.execute(CHECKPOINT, *LANE)
        broken = Refusal(record=Record(*LANE, 9, b"k", b"{", (), 3), reason="unknown_type")
        async with pool.acquire() as connection, connection.transaction():
            await set_aside(connection, [broken])

    async def run(*arguments: str) -> tuple[int, str]:
        said = await asyncio.to_thread(verb, "alerts", database, kafka_servers, *arguments)
        return said.code, said.out + said.err

    code, told = await run("lanes")
    assert code == 0
    assert str(LANE) in told
    assert (await run("lanes", "halt", str(LANE)))[0] == 0
    assert (await run("lanes", "resume", str(LANE)))[0] == 0
    code, told = await run("quarantine", "redrive", "--all")
    assert code == 0, told
    assert "applied: 0" in told
    assert "refused again: " in told
    code, told = await run("quarantine", "redrive", "--all", "--accept-late")
    assert code == 2, "nothing of alerts can be late"
    assert (await run("quarantine", "give-up", "--all"))[1] == "given up: 1\n"
