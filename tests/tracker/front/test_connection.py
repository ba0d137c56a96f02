"""A connection of the small front end: patient with nobody, fair to all, and never more than it may be."""

import asyncio
import gc
import socket
import struct
from ipaddress import ip_network

import pytest

from services.tracker.front.connection import Connection
from services.tracker.front.listener import Bounds
from services.tracker.front.sweep import Patience
from services.tracker.front.traffic import Cut, Refusal
from tests.tracker.front.given import LOOPS, Client, Open, connected, on, opened, statuses
from tests.tracker.front.table import LINK, NOBODY, PIXEL, get
from tests.tracker.given import Tracker, a_tracker
from tests.tracker.wire import SECONDS, ask, eventually

IMPATIENT = Bounds(
    patience=Patience(head_seconds=0.3, idle_seconds=0.3, write_seconds=0.3, linger_seconds=0.1)
)
FEW = Bounds(connections=4, connections_per_address=2)
DRIPPING = 300


async def heard(client: Client, count: int) -> None:
    """Return when that many answers were heard whole."""

    async def whole() -> bool:
        return len(statuses(client.heard)) >= count and client.heard[-1:] in (b";", b"\n", b"}")

    await eventually(whole)


async def ended(client: Client) -> None:
    """Return when the server has closed."""
    async with asyncio.timeout(SECONDS):
        await client.ended


async def until_open(public: Open, count: int) -> None:
    """Return when that many connections are open."""

    async def reached() -> bool:
        return public.traffic.open == count

    await eventually(reached)


async def until_waiting(tracker: Tracker, count: int) -> None:
    """Return when that many hits wait for the journal."""

    async def waits() -> bool:
        return tracker.journal.waiting() == count

    await eventually(waits)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_kept_alive_connection_serves_on(loop: str) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        async with opened(tracker) as public:
            transport, client = await connected(public.port)
            for count in range(1, 4):
                transport.write(get(PIXEL))
                await heard(client, count)
            transport.close()
            await ended(client)
        assert len(tracker.journal.entries) == 3
        assert (public.traffic.accepted, public.traffic.handed) == (1, 0)

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", Cut.HEAD),
        (b"GE", Cut.HEAD),
        (get()[:-2], Cut.HEAD),
        (get(), Cut.IDLE),
        (get() + get()[:-2], Cut.HEAD),
    ],
)
def test_who_does_not_send_a_whole_head_in_time_is_cut_off(
    loop: str, sent: bytes, why: Cut
) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        async with opened(tracker, bounds=IMPATIENT) as public:
            transport, client = await connected(public.port)
            transport.write(sent)
            await ended(client)
        assert len(statuses(client.heard)) == sent.count(b"\r\n\r\n")
        assert public.cut(why) == sum(public.traffic.cut.values()) == 1

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_hundreds_that_drip_bytes_are_cut_off_and_others_served(loop: str) -> None:
    """E23, in small."""

    async def drip(transport: asyncio.Transport, client: Client) -> None:
        sent = get(PIXEL, b"X: " + b"y" * 4000)
        for at in range(len(sent)):
            if transport.is_closing():
                return
            transport.write(sent[at : at + 1])
            await asyncio.wait([client.ended], timeout=0.05)

    async def scene() -> None:
        tracker = await a_tracker()
        bounds = Bounds(patience=Patience(head_seconds=1.0), connections_per_address=DRIPPING + 10)
        async with opened(tracker, bounds=bounds) as public, asyncio.TaskGroup() as tasks:
            healthy, client = await connected(public.port)
            healthy.write(get())
            await heard(client, 1)
            dripping = [await connected(public.port) for _ in range(DRIPPING)]
            for one in dripping:
                tasks.create_task(drip(*one))
            served = 1
            while not all(one.ended.done() for _, one in dripping):
                served += 1
                healthy.write(get())
                await heard(client, served)
            assert public.cut(Cut.HEAD) == DRIPPING
            assert public.traffic.open == 1
            assert served > 3
            healthy.close()
        assert len(tracker.journal.entries) == served

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("rude", [False, True], ids=["close", "reset"])
def test_a_client_that_goes_before_its_answer_leaves_nothing(loop: str, rude: bool) -> None:
    """E24."""

    async def scene() -> None:
        tracker = await a_tracker()
        tracker.journal.held = True
        async with opened(tracker) as public:
            tasks = len(asyncio.all_tasks())
            for count in range(1, 21):
                transport, client = await connected(public.port)
                transport.write(get(PIXEL) + get(LINK))
                await until_waiting(tracker, count)
                if rude:
                    sock = transport.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                transport.abort()
                await ended(client)
            # who closed in good order may have closed a half only, and is waited for
            await until_open(public, 0 if rude else 20)
            tracker.journal.release()
            await until_open(public, 0)
            assert len(asyncio.all_tasks()) == tasks
        assert len(tracker.journal.entries) >= 20
        assert tracker.counted("hits_total", kind="open", outcome="recorded") == 20

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_connections_are_not_kept_in_memory(loop: str) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        async with opened(tracker) as public:
            for sent in (get(), get()[:-2], b"nonsense\n\n", get(b"/nobody")):
                transport, client = await connected(public.port)
                transport.write(sent)
                transport.write_eof()
                await ended(client)
            await until_open(public, 0)
            gc.collect()
            assert [one for one in gc.get_objects() if isinstance(one, Connection)] == []

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_who_does_not_read_is_not_read_either_and_cut_off(loop: str) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        async with opened(tracker, bounds=IMPATIENT) as public:
            transport, client = await connected(public.port)
            transport.pause_reading()
            transport.write(get() * 100_000)

            async def cut() -> bool:
                return public.cut(Cut.WRITE) == 1

            await eventually(cut)
            # the rest was not even read
            assert len(tracker.journal.entries) < 50_000
            transport.abort()
            await ended(client)

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_one_hit_at_a_time_and_what_is_behind_it_is_bounded(loop: str) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        tracker.journal.held = True
        count = 3_000
        long = get(NOBODY + b"?" + b"x" * 4_000)
        async with opened(tracker) as public:
            transport, client = await connected(public.port)
            transport.write(get() + long * count + get())
            await until_waiting(tracker, 1)
            other = await ask(public.port, NOBODY.decode())
            assert other.status == 200
            assert transport.get_write_buffer_size() > 0
            tracker.journal.release()
            await heard(client, count + 2)
            transport.close()
            await ended(client)
        assert len(statuses(client.heard)) == count + 2
        assert len(tracker.journal.entries) == 2

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_an_answer_survives_what_the_client_still_sends(loop: str) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        async with opened(tracker) as public:
            for head in (get(LINK, b"Content-Length: 3000000"), b"GET /c/\n\n"):
                transport, client = await connected(public.port)
                transport.write(head)
                for _ in range(30):
                    if not transport.is_closing():
                        transport.write(b"a" * 100_000)
                    await asyncio.wait([client.ended], timeout=0.001)
                await ended(client)
                assert statuses(client.heard) == (400,)
                assert client.heard.endswith(b"}")
        assert public.cut(Cut.MALFORMED) == 1
        assert tracker.counted("refused_total", kind="click", reason="body") == 1

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_an_address_has_so_many_connections(loop: str) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        async with opened(tracker, bounds=FEW) as public:
            kept = [await connected(public.port) for _ in range(2)]
            # a connection that became aiohttp's counts on
            kept[0][0].write(get(b"/nobody"))
            await heard(kept[0][1], 1)
            _, refused = await connected(public.port)
            await ended(refused)
            assert refused.heard == b""
            assert public.refused(Refusal.ADDRESS) == 1
            for transport, _ in kept:
                transport.close()
            await until_open(public, 0)
            assert (await ask(public.port, PIXEL.decode())).status == 200

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_process_has_so_many_connections_and_proxies_are_no_exception(loop: str) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        async with opened(tracker, ip_network("127.0.0.0/8"), bounds=FEW) as public:
            kept = [await connected(public.port) for _ in range(4)]
            await until_open(public, 4)
            _, refused = await connected(public.port)
            await ended(refused)
            assert public.refused(Refusal.PROCESS) == 1
            for transport, _ in kept:
                transport.close()

    on(loop, scene())
