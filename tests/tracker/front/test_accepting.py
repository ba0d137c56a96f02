"""Connections are taken as fast as they come, and none that was made in time is reset when the port closes."""

import asyncio
import socket
import struct
from typing import cast

import pytest

from services.tracker.front.accepting import BURST, Accepting
from services.tracker.workers.listening import open_listening
from tests.tracker.front.given import LOOPS, on
from tests.tracker.wire import SECONDS

CLIENTS = 5 * BURST
# what a turn of the loop needs besides: the task that serves, and the loop's own bookkeeping
TURNS = CLIENTS // BURST + 10


class Greeter(asyncio.Protocol):
    """Greets and goes."""

    def __init__(self, met: list["Greeter"]) -> None:
        self._met = met

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._met.append(self)
        made = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        made.write(b"hello")
        made.close()


class Door:
    """Some clients that are connected already, and who takes them."""

    def __init__(self, listening: socket.socket, tasks: asyncio.TaskGroup) -> None:
        self.met: list[Greeter] = []
        self.listening = listening
        self.accepting = Accepting(listening, lambda: Greeter(self.met), tasks)

    async def open(self) -> None:
        """Begin to take."""
        await self.accepting.open(self.listening.dup())

    async def until_met(self, count: int) -> int:
        """Return after how many turns of the loop that many were taken."""
        turns = 0
        async with asyncio.timeout(SECONDS):
            while len(self.met) < count:
                await asyncio.sleep(0)
                turns += 1
        return turns


def connect(listening: socket.socket) -> list[socket.socket]:
    """Connect; the system does it, whether or not anybody takes the connections."""
    return [socket.create_connection(listening.getsockname()) for _ in range(CLIENTS)]


async def greeted(client: socket.socket) -> bytes:
    """Return all that a client hears until its connection ends; raises ConnectionError when it is reset."""
    client.setblocking(False)
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(sock=client)
        heard = await reader.read()
        writer.close()
        await writer.wait_closed()
    return heard


async def all_greeted(clients: list[socket.socket]) -> None:
    """Hold that everybody was served."""
    for client in clients:
        assert await greeted(client) == b"hello"


@pytest.mark.parametrize("loop", LOOPS)
def test_who_comes_in_a_crowd_need_not_wait_for_a_turn_each(loop: str) -> None:
    async def scene() -> int:
        listening = await open_listening("127.0.0.1", 0)
        clients = connect(listening)
        async with asyncio.TaskGroup() as tasks:
            door = Door(listening, tasks)
            await door.open()
            turns = await door.until_met(CLIENTS)
            await door.accepting.close(shared=False)
        await all_greeted(clients)
        listening.close()
        return turns

    assert on(loop, scene()) < TURNS < CLIENTS


@pytest.mark.parametrize("loop", LOOPS)
def test_who_was_connected_before_the_end_is_served(loop: str) -> None:
    async def scene() -> None:
        listening = await open_listening("127.0.0.1", 0)
        async with asyncio.TaskGroup() as tasks:
            door = Door(listening, tasks)
            await door.open()
            clients = connect(listening)
            listening.close()
            await door.accepting.close(shared=False)
            assert len(door.met) == CLIENTS
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(clients[0].getpeername())
        await all_greeted(clients)

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_of_a_shared_socket_the_rest_is_left_to_others(loop: str) -> None:
    async def scene() -> None:
        listening = await open_listening("127.0.0.1", 0)
        async with asyncio.TaskGroup() as tasks:
            going, staying = Door(listening, tasks), Door(listening, tasks)
            await going.open()
            clients = connect(listening)
            await going.accepting.close(shared=True)
            assert len(going.met) < CLIENTS
            await staying.open()
            await staying.until_met(CLIENTS - len(going.met))
            await all_greeted(clients)
            await staying.accepting.close(shared=True)
        listening.close()

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_who_is_gone_before_he_is_taken_keeps_nobody_waiting(loop: str) -> None:
    async def scene() -> None:
        listening = await open_listening("127.0.0.1", 0)
        clients = connect(listening)
        for client in clients[::2]:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()  # with a reset
        async with asyncio.TaskGroup() as tasks:
            door = Door(listening, tasks)
            await door.open()
            await all_greeted(clients[1::2])
            await door.accepting.close(shared=False)
        listening.close()

    on(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_what_was_never_opened_holds_no_port_once_closed(loop: str) -> None:
    async def scene() -> None:
        listening = await open_listening("127.0.0.1", 0)
        address = listening.getsockname()
        async with asyncio.TaskGroup() as tasks:
            door = Door(listening, tasks)
            listening.close()
            socket.create_connection(address).close()
            await door.accepting.close(shared=False)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

    on(loop, scene())
