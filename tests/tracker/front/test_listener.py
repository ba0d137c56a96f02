"""The public port is patient with nobody, and closes without losing what it accepted."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from services.runtime.errors import Fatal
from services.runtime.lifecycle import Life
from services.tracker.front.listener import Patience, listen
from tests.tracker.given import Tracker, a_tracker, an_application, open_token
from tests.tracker.wire import SECONDS, ask, eventually, heard

IMPATIENT = Patience(head_seconds=0.2, linger_seconds=0.1)
HEAD = f"GET /o/{open_token()}.gif HTTP/1.1\r\nHost: t.example\r\n".encode()


@pytest.fixture
async def life() -> AsyncIterator[Life]:
    """A process that has ten seconds to drain."""
    async with asyncio.TaskGroup() as tasks:
        yield Life("tracker", tasks, 10.0)


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


@pytest.mark.parametrize("sent", [b"", HEAD, HEAD + b"\r\n", HEAD + b"\r\n" + HEAD])
async def test_who_does_not_send_a_whole_head_in_time_is_cut_off(life: Life, sent: bytes) -> None:
    tracker = await a_tracker()
    app = an_application(tracker)
    async with listen(app, "127.0.0.1", 0, life, IMPATIENT) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with asyncio.timeout(SECONDS):
            answered = await reader.read()
        writer.close()
    assert answered.count(b"HTTP/1.1 200") == sent.count(b"\r\n\r\n")


async def test_a_kept_alive_connection_serves_on(life: Life) -> None:
    tracker = await a_tracker()
    app = an_application(tracker)
    async with listen(app, "127.0.0.1", 0, life) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(SECONDS):
            for _ in range(3):
                writer.write(HEAD + b"\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                assert heard(head).status == 200
                await reader.readexactly(43)
        writer.close()
    assert len(tracker.published()) == 3


async def test_closing_waits_for_the_answers_and_takes_nobody_new(life: Life) -> None:
    tracker = await a_tracker()
    tracker.journal.held = True
    app = an_application(tracker)

    async def serve(started: "asyncio.Future[int]", stop: asyncio.Event) -> None:
        async with listen(app, "127.0.0.1", 0, life) as port:
            started.set_result(port)
            await stop.wait()

    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    serving = asyncio.ensure_future(serve(started, stop))
    port = await started
    asking = asyncio.ensure_future(ask(port, f"/o/{open_token()}.gif"))
    await until_received(tracker, 1)
    stop.set()
    await until_closed(port)
    assert not asking.done()
    tracker.journal.release()
    assert (await asking).headers["Inkling-Recorded"] == "yes"
    await serving


async def test_a_port_that_is_taken_is_fatal(life: Life) -> None:
    tracker = await a_tracker()
    app = an_application(tracker)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(Fatal, match=f"127.0.0.1:{port}"):
            async with listen(app, "127.0.0.1", port, life):
                pass
