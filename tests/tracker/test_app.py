"""The tracker as a process of its own: with Kafka, without it, and with a Kafka that hangs."""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest

from deploy.local.ports import Ports, free_ports
from deploy.local.stack import Stack
from schemas import codec, envelope, topics
from schemas.events import AttachmentViewed, LinkClicked, MessageOpened
from schemas.files import FileKind, content_key, metadata_key
from services import topics as topics_command
from services.runtime.kafka_admin import Admin
from services.tracker.answers import PIXEL
from tests.support.stack import a_stack
from tests.support.topics import read
from tests.tracker.given import (
    FILE_INDEX,
    MESSAGE,
    RING,
    TARGET,
    TENANT,
    a_file,
    attachment_token,
    click_token,
    open_token,
)
from tests.tracker.wire import ask, eventually

SECONDS = 30.0
# Kafka has a quarter of a second; the rest is a busy machine's.
ANSWER_SECONDS = 4.0
GIGABYTE = 1 << 30
KEYS = ",".join(f"{number}:{key.hex()}" for number, key in RING.keys.items())


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[Stack]:
    """A Kafka that this module may stop, with our topics."""
    with a_stack() as stack:
        stack.broker.start()
        asyncio.run(_create_topics(stack.kafka))
        yield stack


async def _create_topics(servers: str) -> None:
    admin = Admin(servers, "tests")
    try:
        await admin.start(SECONDS)
        await admin.create(topics_command.wanted(4, 1), SECONDS)
    finally:
        await admin.close(SECONDS)


def a_sparse_file(folder: Path, size: int) -> None:
    """Put a file of zeros where the rewriter would, which takes no room on the disk."""
    place = (TENANT, MESSAGE, FileKind.ATTACHMENT, FILE_INDEX)
    content = folder / content_key(*place)
    content.parent.mkdir(parents=True)
    with content.open("wb") as opened:
        opened.truncate(size)
    metadata = orjson.dumps(codec.write(a_file(b"", size=size)))
    (folder / metadata_key(*place)).write_bytes(metadata)


@asynccontextmanager
async def a_process(servers: str, **more: str) -> AsyncIterator[Ports]:
    """Run a tracker with nothing in its store."""
    with TemporaryDirectory() as folder:
        async with a_process_over(servers, Path(folder), **more) as (ports, _):
            yield ports


@asynccontextmanager
async def a_process_over(
    servers: str, objects: Path, **more: str
) -> AsyncIterator[tuple[Ports, int]]:
    """Run a tracker and end it as an operator would; it must leave with 0."""
    ports = free_ports()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.tracker",
        env={
            "PATH": os.environ["PATH"],
            "INKLING_KAFKA_SERVERS": servers,
            "INKLING_TOKEN_KEYS": KEYS,
            "INKLING_OBJECT_STORE": objects.as_uri(),
            "INKLING_TRACKER_SPOOL": str(objects / ".spool"),
            **more,
            "INKLING_TRACKER_PORT": str(ports.public("tracker")),
            "INKLING_TRACKER_PRIVATE_PORT": str(ports.private("tracker")),
            "INKLING_TRACKER_EDGE": "edge-test",
            "INKLING_DRAIN_SECONDS": "5",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await until_it_says(ports.private("tracker"), "/livez")
        yield ports, process.pid
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(SECONDS):
            output, _ = await process.communicate()
        assert process.returncode == 0
        for secret in (open_token(), click_token(), attachment_token(), TARGET, KEYS[2:66]):
            assert secret.encode() not in output
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _status(port: int, path: str) -> int:
    try:
        return (await ask(port, path)).status
    except OSError:
        return 0


async def until_it_says(port: int, path: str) -> None:
    """Return when that path is answered with 200."""

    async def says() -> bool:
        return await _status(port, path) == 200

    await eventually(says, SECONDS)


async def until_kafka_takes(ports: Ports) -> None:
    """Return when hits go to Kafka."""

    async def taken() -> bool:
        return "inkling_tracker_circuit_open 0.0" in await _metrics(ports)

    await eventually(taken, SECONDS)


async def until_ready(ports: Ports) -> None:
    """Return when the tracker says that it can record."""
    await until_it_says(ports.private("tracker"), "/readyz")


async def test_a_hit_over_http_is_a_cloudevent_in_the_log(own_kafka: Stack, tmp_path: Path) -> None:
    agent = secrets.token_hex(8)
    a_sparse_file(tmp_path, 5)
    async with a_process_over(own_kafka.kafka, tmp_path) as (ports, _):
        await until_ready(ports)
        port = ports.public("tracker")
        answer = await ask(port, f"/o/{open_token()}.gif", f"User-Agent: {agent}")
        assert answer.headers["Inkling-Recorded"] == "yes"
        answer = await ask(port, f"/c/{click_token()}", f"User-Agent: {agent}", method="HEAD")
        assert answer.headers["Inkling-Recorded"] == "yes"
        path = f"/a/{attachment_token()}"
        answer = await ask(port, path, f"User-Agent: {agent}", "Range: bytes=1-")
        assert (answer.status, answer.body) == (206, bytes(4))
        assert answer.headers["Inkling-Recorded"] == "yes"
        records = await read(own_kafka.kafka, topics.EVENTS.name, 3)
        metrics = (await ask(ports.private("tracker"), "/metrics")).body.decode()
    received = [envelope.decode(one.key, one.value, one.headers) for one in records]
    opened, clicked, viewed = [
        one for one in received if getattr(one.event, "user_agent", "") == agent
    ]
    assert isinstance(opened.event, MessageOpened)
    assert isinstance(clicked.event, LinkClicked)
    assert isinstance(viewed.event, AttachmentViewed)
    assert (viewed.event.attachment_index, viewed.event.range) == (FILE_INDEX, "bytes=1-")
    assert clicked.event.method == "HEAD"
    assert opened.event.network == "127.0.0.0/24"
    assert opened.envelope.source == "/tracker/edge-test"
    now_ms = time.time_ns() // 1_000_000
    for record in records:
        assert record.partition == topics.partition_of(record.key or b"", 4)
        assert abs(record.timestamp_ms - now_ms) < 3_600_000  # milliseconds, not seconds
    assert 'inkling_tracker_hits_total{kind="open",outcome="recorded"} 1.0' in metrics
    assert open_token() not in metrics


async def _metrics(ports: Ports) -> str:
    return (await ask(ports.private("tracker"), "/metrics")).body.decode()


async def test_it_starts_and_records_with_kafka_absent() -> None:
    async with a_process("127.0.0.1:1") as ports:
        port = ports.public("tracker")
        await until_ready(ports)
        answer = await ask(port, f"/o/{open_token()}.gif")
        assert (answer.status, answer.body) == (200, PIXEL)
        assert answer.headers["Inkling-Recorded"] == "yes"
        answer = await ask(port, f"/c/{click_token()}")
        assert (answer.status, answer.headers["Location"]) == (302, TARGET)
        assert answer.headers["Inkling-Recorded"] == "yes"
        answer = await ask(port, "/o/unknown.gif")
        assert (answer.status, answer.headers["Inkling-Recorded"]) == (200, "no")
        metrics = await _metrics(ports)
    assert 'inkling_tracker_recorded_total{kind="open",path="spool"} 1.0' in metrics
    assert "inkling_tracker_circuit_open 1.0" in metrics
    assert "inkling_tracker_spool_waiting 2.0" in metrics


async def test_where_nobody_takes_a_hit_a_pixel_is_a_503_and_a_link_redirects() -> None:
    small = {
        "INKLING_TRACKER_SPOOL_MAX_BYTES": "1048576",
        "INKLING_TRACKER_SPOOL_TENANT_PERCENT": "1",
    }
    async with a_process("127.0.0.1:1", **small) as ports:
        port = ports.public("tracker")
        await until_ready(ports)

        async def refused() -> bool:
            return await _status(port, f"/o/{open_token()}.gif") == 503

        await eventually(refused, SECONDS)
        answer = await ask(port, f"/o/{open_token()}.gif")
        assert (answer.status, answer.body) == (503, PIXEL)
        assert answer.headers["Retry-After"] == "5"
        answer = await ask(port, f"/c/{click_token()}")
        assert (answer.status, answer.headers["Location"]) == (302, TARGET)
        assert answer.headers["Inkling-Recorded"] == "no"
        metrics = await _metrics(ports)
    assert 'inkling_tracker_hits_total{kind="click",outcome="unavailable"} 1.0' in metrics
    assert 'inkling_tracker_spool_refused_total{reason="tenant_share"} 3.0' in metrics


async def test_a_kafka_that_hangs_delays_nobody_past_the_deadline(own_kafka: Stack) -> None:
    async with a_process(own_kafka.kafka) as ports:
        await until_kafka_takes(ports)
        port = ports.public("tracker")
        broker = own_kafka.processes.pid("kafka")
        os.kill(broker, signal.SIGSTOP)
        try:
            async with asyncio.timeout(ANSWER_SECONDS), asyncio.TaskGroup() as tasks:
                pixels = [tasks.create_task(ask(port, f"/o/{open_token()}.gif")) for _ in range(20)]
                clicks = [tasks.create_task(ask(port, f"/c/{click_token()}")) for _ in range(20)]
            metrics = await _metrics(ports)
        finally:
            os.kill(broker, signal.SIGCONT)
        assert {one.result().status for one in pixels} == {200}
        assert {one.result().headers["Location"] for one in clicks} == {TARGET}
        assert {one.result().headers["Inkling-Recorded"] for one in (*pixels, *clicks)} == {"yes"}
        assert 'inkling_tracker_recorded_total{kind="open",path="spool"} 20.0' in metrics
        await until_kafka_takes(ports)


async def test_a_kafka_that_dies_and_returns_is_used_again(own_kafka: Stack) -> None:
    async with a_process(own_kafka.kafka) as ports:
        await until_kafka_takes(ports)
        port = ports.public("tracker")
        own_kafka.kill("kafka")
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await ask(port, f"/o/{open_token()}.gif")
            assert (answer.status, answer.headers["Inkling-Recorded"]) == (200, "yes")
            assert (await ask(port, f"/c/{click_token()}")).headers["Location"] == TARGET
        await asyncio.to_thread(own_kafka.restart, "kafka")
        await until_kafka_takes(ports)

        async def replayed() -> bool:
            return "inkling_tracker_spool_waiting 0.0" in await _metrics(ports)

        await eventually(replayed, SECONDS)


def memory(pid: int, which: str) -> int:
    """Return a process's resident bytes: now (`VmRSS`) or at most so far (`VmHWM`)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{which}:")]
    return int(line.split()[1]) * 1024


async def fetch(port: int) -> int:
    """Read the file as fast as it comes; return how many bytes came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /a/{attachment_token()} HTTP/1.1\r\nHost: t.example\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    count = 0
    while count < GIGABYTE:
        count += len(await reader.read(1 << 20))
    writer.close()
    return count


async def test_a_file_of_a_gigabyte_goes_out_in_flat_memory_also_with_kafka_absent(
    tmp_path: Path,
) -> None:
    a_sparse_file(tmp_path, GIGABYTE)
    async with a_process_over("127.0.0.1:1", tmp_path) as (ports, pid):
        await until_ready(ports)
        port = ports.public("tracker")
        part = await ask(port, f"/a/{attachment_token()}", "Range: bytes=-10")
        assert (part.status, part.headers["Inkling-Recorded"]) == (206, "yes")
        before = memory(pid, "VmRSS")
        async with asyncio.timeout(90):
            assert await fetch(port) == GIGABYTE
        assert memory(pid, "VmHWM") - before < 32 * 1024 * 1024
        metrics = (await ask(ports.private("tracker"), "/metrics")).body.decode()
    assert 'inkling_tracker_file_bytes_total{kind="attachment"} 1.0737418' in metrics
