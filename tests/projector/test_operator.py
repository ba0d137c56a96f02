"""The operator's verbs of the projector, as real processes."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from schemas.envelope import Envelope, encode
from schemas.instant import Instant
from services.projector.admission import DAY
from services.runtime.kafka import Record
from services.runtime.quarantine import set_aside
from tests.projector.records import ACME, LANE, NOW, hit_id, opened
from tests.projector.store import Store
from tests.support.brokers import create_topics
from tests.support.stack import Database
from tests.support.verbs import Said, verb

CHECKPOINT = "insert into checkpoint (consumer, topic, partition, next_offset) values ('projector', $1, $2, 50)"
BEYOND = 1_000_000_000_000
Run = Callable[..., Awaitable[Said]]


@pytest.fixture
async def run(kafka_servers: str, store: Store, database: Database) -> Run:
    await store.pool.execute(CHECKPOINT, *LANE)

    async def run(*arguments: str) -> Said:
        return await asyncio.to_thread(verb, "projector", database, kafka_servers, *arguments)

    return run


def a_late_open(offset: int) -> Record:
    occurred = Instant(NOW - 9 * DAY)
    envelope = Envelope(
        id=hit_id(occurred, offset), source="/tracker/edge-1", tenant=ACME, occurred_at=occurred
    )
    encoded = encode(envelope, opened(), NOW)
    return Record(*LANE, offset, encoded.key, encoded.value, encoded.headers, 0)


async def test_lanes_are_shown_stopped_and_resumed(
    run: Run, kafka_servers: str, store: Store
) -> None:
    await create_topics(kafka_servers)
    shown = await run("lanes")
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[0].split() == [
        *("LANE", "OWNER", "EPOCH", "NEXT", "END", "LAG", "BEHIND", "HALTED", "SINCE", "WHY")
    ]
    assert shown.out.splitlines()[1].startswith(f"{LANE}  -      0      50")
    refused = await run("lanes", "resume", str(LANE))
    assert refused.code == 2
    assert refused.err == "projector: LANE: it is not halted; `lanes halt` stops it\n"
    assert (await run("lanes", "halt", str(LANE), "--reason", "to look")).code == 0
    (lane,) = (await run("lanes", "--json")).json()["lanes"]
    assert (lane["halted"], lane["detail"]) == ("operator", "by ann: to look")
    # What other tests have written there is less than this, whatever it is.
    await store.pool.execute("update checkpoint set next_offset = $1", BEYOND)
    shorter = await run("lanes", "resume", str(LANE), "--skip-to", str(BEYOND + 1))
    assert shorter.code == 2
    assert shorter.err.startswith(f"projector: --skip-to: the checkpoint is at {BEYOND}, the log")
    assert shorter.err.endswith("the lane is halted for log_ended_before now\n")
    await store.pool.execute("update checkpoint set next_offset = 0")
    beyond = await run("lanes", "resume", str(LANE), "--skip-to", str(BEYOND))
    assert beyond.code == 2
    assert beyond.err.startswith(f"projector: --skip-to: {BEYOND} is not in the log")
    resumed = await run("lanes", "resume", str(LANE))
    assert (resumed.code, resumed.out.split()[1:4]) == (0, ["goes", "on", "where"])
    assert (await run("lanes", "gaps", "--json")).json() == {"gaps": []}
    unknown = await run("lanes", "resume", "nothing/1")
    assert unknown.code == 2
    assert f"there are: {LANE}" in unknown.err


async def test_late_hits_are_seen_and_counted_once_by_choice_only(run: Run, store: Store) -> None:
    records = [a_late_open(7), a_late_open(8), a_late_open(8)._replace(offset=9)]
    ready = store.fold.begin()
    refused = [store.fold.take(ready, record) for record in records]
    async with store.pool.acquire() as connection, connection.transaction():
        await set_aside(connection, [one for one in refused if one is not None])
    listed = (await run("quarantine", "list", "--reason", "late", "--json")).json()["records"]
    assert [(one["record_offset"], one["state"]) for one in listed] == [
        (offset, "waiting") for offset in (7, 8, 9)
    ]
    shown = (await run("quarantine", "show", str(LANE), "7")).json()
    assert (shown["reason"], shown["value"]) == ("late", records[0].value.decode())  # type: ignore[union-attr]
    nothing_said = await run("quarantine", "redrive")
    assert (nothing_said.code, nothing_said.err[:18]) == (2, "projector: --all: ")
    as_before = await run("quarantine", "redrive", "--all", "--json")
    assert as_before.json()["refused_again"] == {"late": 3}
    dry = await run("quarantine", "redrive", "--all", "--accept-late", "--dry-run")
    assert dry.out.startswith("would be applied: 3\n")
    assert (await store.pool.fetchval("select count(*) from interaction")) == 0
    accepted = await run("quarantine", "redrive", "--lane", str(LANE), "--accept-late", "--json")
    assert accepted.json()["applied"] == {str(LANE): [7, 8, 9]}
    assert (await store.pool.fetchval("select count(*) from interaction")) == 2
    again = await run("quarantine", "redrive", "--all", "--accept-late", "--json")
    assert again.json()["applied"] == {}
    gone = await run("quarantine", "list", "--state", "applied")
    assert len(gone.out.splitlines()) == 4


async def test_what_is_given_up_stays_to_be_seen(run: Run, store: Store) -> None:
    refusal = store.fold.take(store.fold.begin(), Record(*LANE, 5, b"k", b"{", (), 3))
    assert refusal is not None
    async with store.pool.acquire() as connection, connection.transaction():
        await set_aside(connection, [refusal])
    assert (await run("quarantine", "give-up", "--offset", "5")).code == 2
    given = await run("quarantine", "give-up", "--lane", str(LANE), "--offset", "5")
    assert (given.code, given.out) == (0, "given up: 1\n")
    assert (await run("quarantine", "list")).out.count("\n") == 1
    assert "given-up" in (await run("quarantine", "list", "--state", "any")).out
    assert (await run("quarantine", "show", str(LANE), "6")).code == 2
