from __future__ import annotations

import asyncio

from deploy.local.broker import answers_metadata
from deploy.local.ports import free_ports
from deploy.local.stack import Stack
from tests.support.stack import a_stack


def test_a_started_broker_answers_and_starting_it_again_changes_nothing(
    servers: Stack, kafka_servers: str
) -> None:
    before = servers.pids()["kafka"]
    servers.broker.start()
    assert servers.pids()["kafka"] == before
    assert answers_metadata(int(kafka_servers.rpartition(":")[2]))


def test_a_broker_answers_again_after_a_kill_and_after_a_clean_stop(servers: Stack) -> None:
    with a_stack() as own:
        assert own.ports != servers.ports
        own.broker.start()
        own.kill("kafka")
        assert not answers_metadata(own.ports.public("kafka"))
        own.restart("kafka")
        own.broker.stop()
        own.broker.start()
        assert answers_metadata(own.ports.public("kafka"))


def test_a_port_that_nobody_listens_on_is_not_a_broker() -> None:
    assert not answers_metadata(free_ports().public("kafka"))


async def test_a_listener_that_says_something_else_is_not_a_broker() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert not await asyncio.to_thread(answers_metadata, port)
