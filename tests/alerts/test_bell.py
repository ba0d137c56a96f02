import asyncio

import pytest

from services.alerts.bell import Bell, TooManyStreams
from services.alerts.store import Scope
from tests.alerts.given import Given, away
from tests.alerts.records import opened, registered
from tests.support.eventually import eventually

ANA = Scope(tenant="demo", owner="ana")
MANAGER = Scope(tenant="demo", owner=None)
RIVAL = Scope(tenant="rival", owner="ana")


def never() -> bool:
    return False


async def test_a_ring_wakes_those_whom_it_concerns(given: Given) -> None:
    bell = given.bell
    with (
        bell.listening(ANA, never) as ana,
        bell.listening(MANAGER, never) as manager,
        bell.listening(RIVAL, never) as rival,
    ):
        bell.ring([("demo", "ben"), ("nobody", "ana")])
        assert [one.rung.is_set() for one in (ana, manager, rival)] == [False, True, False]
        bell.ring([("demo", "ana")])
        assert [one.rung.is_set() for one in (ana, manager, rival)] == [True, True, False]


async def test_the_look_at_the_table_finds_what_nobody_rang_for(given: Given) -> None:
    await given.say_elsewhere(registered(1), opened(1), registered(2, owner="ben"))
    with given.bell.listening(ANA, never) as ana:
        given.bell.watch("demo", 1)
        await given.say_elsewhere(opened(2))
        await given.say_elsewhere(opened(1, ordinal=2))
        async with asyncio.timeout(5):
            await ana.rung.wait()


async def test_a_stream_whose_client_has_gone_is_woken(given: Given) -> None:
    with given.bell.listening(ANA, lambda: True) as gone:
        async with asyncio.timeout(5):
            await gone.rung.wait()


async def test_everybody_is_woken_when_the_process_is_to_stop(given: Given) -> None:
    with given.bell.listening(RIVAL, never) as rival:
        given.life.stop()
        async with asyncio.timeout(5):
            await rival.rung.wait()


async def test_a_place_is_free_again_when_its_stream_has_ended(given: Given) -> None:
    bell = Bell(given.writer, 1)
    for _ in range(2):
        with (
            bell.listening(ANA, never),
            bell.listening(RIVAL, never),
            pytest.raises(TooManyStreams),
            bell.listening(MANAGER, never),
        ):
            raise AssertionError("there was a place")


async def test_it_says_so_when_it_cannot_look_and_when_it_can_again(given: Given) -> None:
    await given.say(registered(1))
    with given.bell.listening(ANA, never):
        given.bell.watch("demo", 0)
        with away(given.database, "alerts_writer"):
            await eventually(lambda: given.bell.healthy() is not None)
        await eventually(lambda: given.bell.healthy() is None)
