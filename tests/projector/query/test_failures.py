from contextlib import AsyncExitStack

import pytest
from prometheus_client import CollectorRegistry

from services.projector.query.failures import Failures, Reason, problem
from services.projector.query.web import POOL
from tests.projector.query.given import Answer, Given, locked, open_door
from tests.support.stack import Database


def counted(given: Given) -> dict[str, float]:
    """Return what the metric says, without what never happened."""
    found = given.registry.collect()
    return {
        sample.labels["reason"]: sample.value
        for family in found
        if family.name == "inkling_projector_reads_failed"
        for sample in family.samples
        if sample.name.endswith("_total") and sample.value
    }


def told(answer: Answer, reason: Reason) -> None:
    """Hold an answer to what is told for a reason."""
    meant = problem(reason)
    assert (answer.status, answer.json["detail"]) == (meant.status, meant.detail)
    assert answer.headers.get("Retry-After") == meant.headers.get("Retry-After")
    assert ("Retry-After" in answer.headers) == (reason is not Reason.TOO_SLOW)


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/csv"}])
async def test_a_pool_without_a_free_connection_is_503_after_the_wait(
    database: Database, headers: dict[str, str]
) -> None:
    async with open_door(database, wait_seconds=0.1) as given:
        pool = given.client.app[POOL]
        async with AsyncExitStack() as held:
            for _ in range(pool.size):
                await held.enter_async_context(pool.acquire())
            told(await given.ask("/v1/messages", headers=headers), Reason.POOL_BUSY)
        assert (await given.ask("/v1/messages", headers=headers)).status == 200
        assert counted(given) == {"pool_busy": 1}


async def test_a_server_that_takes_no_more_connections_is_503(given: Given) -> None:
    name = given.database.name
    given.database.execute(f"alter database {name} connection limit 0")
    try:
        told(await given.ask("/v1/messages"), Reason.SERVER_FULL)
    finally:
        given.database.execute(f"alter database {name} connection limit -1")
    assert (await given.ask("/v1/messages")).status == 200
    assert counted(given) == {"server_full": 1}


async def test_what_is_locked_is_503_and_no_question_that_is_too_slow(database: Database) -> None:
    async with open_door(database, lock_seconds=0.1) as given:
        async with locked(database):
            told(await given.ask("/v1/messages"), Reason.LOCKED)
            told(await given.ask("/v1/messages", {"Accept": "text/csv"}), Reason.LOCKED)
        assert counted(given) == {"locked": 2}


async def test_what_takes_too_long_is_504_without_a_time_to_come_back(database: Database) -> None:
    async with open_door(database, statement_seconds=0.1) as given:
        async with locked(database):
            told(await given.ask("/v1/messages"), Reason.TOO_SLOW)
        assert counted(given) == {"too_slow": 1}


def test_every_reason_has_its_answer_and_is_there_from_the_start() -> None:
    registry = CollectorRegistry()
    Failures(registry)
    (family,) = registry.collect()
    shown = {one.labels["reason"] for one in family.samples if one.name.endswith("_total")}
    assert shown == set(Reason)
    assert {problem(reason).status for reason in Reason} == {503, 504}
