"""The public port, opened once for all."""

import asyncio
import socket

import pytest

from services.runtime.errors import Fatal
from services.tracker.workers.listening import open_listening


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("127.0.0.1", socket.AF_INET),
        ("localhost", None),
        ("::1", socket.AF_INET6),
    ],
)
async def test_it_listens_there_and_never_blocks(host: str, family: int | None) -> None:
    with await open_listening(host, 0) as listening:
        assert family in (None, listening.family)
        assert listening.getblocking() is False
        assert not listening.get_inheritable()
        _, writer = await asyncio.open_connection(*listening.getsockname()[:2])
        writer.close()
        await writer.wait_closed()


async def test_a_port_that_was_just_left_can_be_opened_again() -> None:
    with await open_listening("127.0.0.1", 0) as listening:
        address = listening.getsockname()
        _, writer = await asyncio.open_connection(*address)
        accepted, _ = await asyncio.get_running_loop().sock_accept(listening)
        accepted.close()  # first, so that it waits in TIME_WAIT
        writer.close()
        await writer.wait_closed()
    with await open_listening(*address) as again:
        assert again.getsockname() == address


async def test_what_is_in_the_way_is_told_in_a_line() -> None:
    with await open_listening("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(Fatal, match=f"^cannot listen on 127.0.0.1:{port}: .*in use$"):
            await open_listening("127.0.0.1", port)
    with pytest.raises(
        Fatal, match=r"^cannot listen on nowhere\.invalid:1: there is no such address$"
    ):
        await open_listening("nowhere.invalid", 1)
