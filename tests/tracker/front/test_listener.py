"""The public port opens, is shared, and closes without losing what it accepted."""

import asyncio
import socket

import pytest

from services.runtime.config import load
from services.runtime.errors import Fatal
from services.tracker.config import LimitsConfig
from services.tracker.front.listener import Bounds
from services.tracker.front.sweep import Patience
from services.tracker.front.traffic import Cut
from services.tracker.workers.listening import open_listening
from tests.tracker.front.given import LOOPS, Client, connected, on, opened, statuses
from tests.tracker.front.table import LINK, PIXEL, get
from tests.tracker.given import Tracker, a_tracker
from tests.tracker.wire import SECONDS, ask, eventually

ELSEWHERE = get(b"/nobody")


async def until_received(tracker: Tracker, count: int) -> None:
    """Return when that many hits were received."""

    async def received() -> bool:
        return tracker.counted("received_total", kind="open") == count

    await eventually(received)


async def until_closed(port: int) -> None:
    """Return when no new connection is taken."""

    async def closed() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return True
        writer.close()
        return False

    await eventually(closed)


async def answers(client: Client, count: int) -> None:
    """Return when that many answers were heard."""

    async def heard() -> bool:
        return len(statuses(client.heard)) == count and client.heard.endswith((b";", b"\n", b"}"))

    await eventually(heard)


class Drained:
    """A public port that is closing since `stop`."""

    def __init__(self, tracker: Tracker, drain_seconds: float = 30.0) -> None:
        self._tracker = tracker
        self._seconds = drain_seconds
        self._stop = asyncio.Event()
        self._port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.serving = asyncio.ensure_future(self._serve())

    async def _serve(self) -> None:
        async with opened(self._tracker, drain_seconds=self._seconds) as public:
            self._port.set_result(public.port)
            await self._stop.wait()
        self.traffic = public.traffic

    async def port(self) -> int:
        return await self._port

    async def stop(self) -> None:
        self._stop.set()
        await until_closed(await self._port)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("first", [get(), ELSEWHERE], ids=["small", "aiohttp"])
def test_who_is_idle_may_ask_once_more_and_is_told_to_go(loop: str, first: bytes) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        drained = Drained(tracker)
        transport, client = await connected(await drained.port())
        transport.write(first)
        await answers(client, 1)
        assert b"Connection: close" not in client.heard
        await drained.stop()
        client.heard = b""
        transport.write(get())
        async with asyncio.timeout(SECONDS):
            await client.ended
            await drained.serving
        assert statuses(client.heard) == (200,)
        assert b"Connection: close" in client.heard
        assert tracker.journal.entries

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("first", [b"", ELSEWHERE], ids=["small", "aiohttp"])
def test_what_was_asked_is_answered_and_nobody_new_is_taken(loop: str, first: bytes) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        tracker.journal.held = True
        drained = Drained(tracker)
        transport, client = await connected(await drained.port())
        transport.write(first + get())
        await until_received(tracker, 1)
        await drained.stop()
        assert not client.ended.done()
        tracker.journal.release()
        async with asyncio.timeout(SECONDS):
            await client.ended
            await drained.serving
        assert statuses(client.heard)[-1] == 200
        assert b"Inkling-Recorded: yes" in client.heard
        assert b"Connection: close" in client.heard
        assert drained.traffic.cut[Cut.DRAIN] == 0

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("first", [b"", ELSEWHERE], ids=["small", "aiohttp"])
def test_all_of_a_pipeline_is_answered_and_only_the_last_says_so(loop: str, first: bytes) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        tracker.journal.held = True
        drained = Drained(tracker)
        transport, client = await connected(await drained.port())
        transport.write(first + get() + get(LINK) + get())
        await until_received(tracker, 1)
        await drained.stop()
        tracker.journal.release()
        async with asyncio.timeout(SECONDS):
            await client.ended
            await drained.serving
        assert statuses(client.heard)[-3:] == (200, 302, 200)
        assert client.heard.count(b"Connection: close") == 1

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("first", [b"", ELSEWHERE], ids=["small", "aiohttp"])
def test_who_stays_idle_is_sent_away_in_time_and_what_hangs_is_cut(loop: str, first: bytes) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        tracker.journal.held = True
        drained = Drained(tracker, 0.5)
        port = await drained.port()
        idle, idler = await connected(port)
        hanging, hanger = await connected(port)
        idle.write(first)
        hanging.write(first + get())
        await until_received(tracker, 1)
        await drained.stop()
        async with asyncio.timeout(SECONDS):
            await idler.ended
            await hanger.ended
            await drained.serving
        assert statuses(hanger.heard) == statuses(idler.heard)
        assert drained.traffic.cut[Cut.DRAIN] == 1
        assert drained.traffic.open == 0
        tracker.journal.release()
        assert len(tracker.journal.entries) == 1

    on(loop, scene())


async def test_a_port_that_is_taken_is_fatal() -> None:
    tracker = await a_tracker()
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(ExceptionGroup) as raised:
            async with opened(tracker, port=port):
                pass
    assert isinstance(raised.value.exceptions[0], Fatal)
    assert f"127.0.0.1:{port}" in str(raised.value.exceptions[0])


@pytest.mark.parametrize("loop", LOOPS)
def test_a_socket_is_shared_and_outlives_who_shares_it(loop: str) -> None:
    async def scene() -> None:
        listening = await open_listening("127.0.0.1", 0)
        port = listening.getsockname()[1]
        for _ in range(2):
            tracker = await a_tracker()
            async with opened(tracker, sock=listening.dup()) as public:
                assert public.port == port
                assert (await ask(port, PIXEL.decode())).status == 200
        listening.close()

    on(loop, scene())


def test_the_configuration_says_what_strangers_may_take() -> None:
    environ = {
        "INKLING_TRACKER_HEAD_SECONDS": "1",
        "INKLING_TRACKER_IDLE_SECONDS": "2",
        "INKLING_TRACKER_MAX_CONNECTIONS": "3",
        "INKLING_TRACKER_MAX_CONNECTIONS_PER_ADDRESS": "4",
    }
    assert Bounds.of(load(LimitsConfig, environ, "tracker")) == Bounds(
        patience=Patience(head_seconds=1, idle_seconds=2),
        connections=3,
        connections_per_address=4,
    )
