"""A connection that was given to aiohttp: as strict there, and its place is given back."""

import asyncio
from pathlib import Path

import pytest

from services.tracker.front.listener import Bounds
from services.tracker.front.sweep import Patience
from services.tracker.front.traffic import Cut
from tests.tracker.front.given import LOOPS, connected, on, opened, statuses
from tests.tracker.front.table import NOBODY, PIXEL, get
from tests.tracker.front.test_connection import ended, heard, until_open
from tests.tracker.given import a_file, a_tracker, attachment_token
from tests.tracker.wire import eventually

ELSEWHERE = get(b"/nobody")
FILE = f"/a/{attachment_token()}".encode()
IMPATIENT = Bounds(
    patience=Patience(head_seconds=0.3, idle_seconds=0.3, stall_seconds=0.3, linger_seconds=0.1)
)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_file_comes_whole_before_and_after_a_pixel(loop: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 5_000

    async def scene() -> None:
        tracker = await a_tracker(tmp_path / "objects")
        await tracker.store(a_file(content), content)
        async with opened(tracker) as public:
            transport, client = await connected(public.port)
            transport.write(get() + get(FILE) + get() + get(FILE, b"Connection: close"))
            await ended(client)
        assert statuses(client.heard.replace(content, b"")) == (200,) * 4
        assert client.heard.count(content) == 2
        assert client.heard.endswith(content)
        assert len(tracker.journal.entries) == 4
        assert (public.traffic.handed, public.traffic.open) == (1, 0)

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_hit_under_way_is_answered_before_the_connection_is_given_away(loop: str) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        tracker.journal.held = True
        async with opened(tracker) as public:
            transport, client = await connected(public.port)
            transport.write(get() + ELSEWHERE)

            async def waits() -> bool:
                return tracker.journal.waiting() == 1

            await eventually(waits)
            assert (public.traffic.handed, client.heard) == (0, b"")
            tracker.journal.release()
            await heard(client, 2)
            assert statuses(client.heard) == (200, 404)
            assert public.traffic.handed == 1
            transport.close()

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"POST ", Cut.HEAD),
        (ELSEWHERE[:-2], Cut.HEAD),
        (ELSEWHERE + b"GET", Cut.HEAD),
        (get(NOBODY) + ELSEWHERE[:-1], Cut.HEAD),
        (ELSEWHERE, None),
    ],
)
def test_who_does_not_send_a_whole_head_in_time_is_cut_off(
    loop: str, sent: bytes, why: Cut | None
) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        # between two requests aiohttp's own timer ends a connection, and does not count it
        patience = Patience(head_seconds=0.3, idle_seconds=60 if why else 1)
        async with opened(tracker, bounds=Bounds(patience=patience)) as public:
            transport, client = await connected(public.port)
            transport.write(sent)
            await ended(client)
        assert len(statuses(client.heard)) == sent.count(b"\r\n\r\n")
        assert {cut for cut, count in public.traffic.cut.items() if count} == (
            {why} if why else set()
        )

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_what_drips_is_cut_off_though_it_never_rests(loop: str) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        bounds = Bounds(patience=Patience(head_seconds=0.3, idle_seconds=60))
        async with opened(tracker, bounds=bounds) as public:
            for first in (ELSEWHERE, b""):
                transport, client = await connected(public.port)
                transport.write(first + b"GET /nobody HTTP/1.1\r\nX: ")
                while not transport.is_closing():
                    transport.write(b"y")
                    await asyncio.wait([client.ended], timeout=0.02)
                await ended(client)
        assert public.cut(Cut.HEAD) == 2

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_head_is_bounded_also_where_it_comes_in_parts(loop: str) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        async with opened(tracker) as public:
            transport, client = await connected(public.port)
            transport.write(ELSEWHERE + b"GET /nobody HTTP/1.1\r\n")
            for _ in range(200):
                if not transport.is_closing():
                    transport.write(b"X: " + b"y" * 60 + b"\r\n")
                await asyncio.wait([client.ended], timeout=0.001)
            await ended(client)
        assert statuses(client.heard) == (404, 400)
        assert public.cut(Cut.MALFORMED) == 1

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_who_does_not_read_is_cut_off(loop: str) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        async with opened(tracker, bounds=IMPATIENT) as public:
            transport, client = await connected(public.port)
            transport.pause_reading()
            transport.write((ELSEWHERE + get(b"/openapi.json")) * 3_000)

            async def cut() -> bool:
                return public.cut(Cut.WRITE) == 1

            await eventually(cut)
            transport.abort()
            await ended(client)
            await until_open(public, 0)

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_an_error_names_no_software_and_no_address(
    loop: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        async with opened(tracker) as public:
            for sent in (b"nonsense\r\n\r\n", ELSEWHERE + b"G\0", get(b"/nobody", method=b"X")):
                transport, client = await connected(public.port)
                transport.write(sent)
                transport.write_eof()
                await ended(client)
                assert b"Server: inkling\r\n" in client.heard
                assert b"ython" not in client.heard
                assert client.heard.count(b"Server:") == len(statuses(client.heard))

    on(loop, scene())
    told = capfd.readouterr()
    assert "127.0.0.1" not in (told.err + caplog.text).replace("host='127.0.0.1'", "")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("path", [PIXEL, FILE])
def test_a_client_that_goes_before_its_answer_leaves_nothing(
    loop: str, path: bytes, tmp_path: Path
) -> None:
    async def scene() -> None:
        tracker = await a_tracker(tmp_path / "objects")
        await tracker.store(a_file(b"abc"), b"abc")
        tracker.journal.held = True
        async with opened(tracker) as public:
            tasks = len(asyncio.all_tasks())
            for count in range(1, 6):
                transport, client = await connected(public.port)
                transport.write(ELSEWHERE + get(path))

                async def waits(count: int = count) -> bool:
                    return tracker.journal.waiting() == count

                await eventually(waits)
                transport.abort()
                await ended(client)
            tracker.journal.release()
            await until_open(public, 0)

            async def over() -> bool:
                return len(asyncio.all_tasks()) == tasks

            await eventually(over)
        assert len(tracker.journal.entries) == 5

    on(loop, scene())


def test_a_header_that_is_no_text_is_the_askers_fault() -> None:
    async def scene() -> None:
        tracker = await a_tracker()
        async with opened(tracker) as public:
            transport, client = await connected(public.port)
            transport.write(get(PIXEL, b"Expect: \xff"))
            await ended(client)
        assert statuses(client.heard) == (400,)
        assert b"Server: inkling" in client.heard

    on("uvloop", scene())
