"""What following a newsletter of 21 KB with 40 links costs the rewriter, beside bare handlers of the same JSON.

Servers on one core, load and broker on another; the rows take turns, and the middle round counts. CPU is user and
system time of the server's process, so that `a second and core` is what one would do that has a core to itself.
"""

import asyncio
import base64
import http.client
import os
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import aiohttp
import orjson

from benchmarks.support import loads, newsletter, processes, steps
from benchmarks.tracker import KAFKA_SECONDS, OTHER_CORE, SERVER_CORE, create_topics
from deploy.local import environment
from deploy.local.stack import Stack
from schemas import topics
from tests.support.stack import a_stack

ROUNDS = 3
SECONDS = 2.5
CONNECTIONS = 64
# Half of what a core does, so that latency is the service's and not the queue's before it.
RATE = 200
MAILS = 200
COPIES = (1, 10, 50)
FLOOD_BYTES = 10_000_000
FILES, FILE_BYTES = 6, 3_000_000
# Small mails beside the large ones, and how often it is asked whether the loop is there.
BESIDE_RATE, BESIDE_SECONDS, PROBE_SECONDS = 20, 8.0, 0.004


@dataclass(slots=True, kw_only=True)
class Row:
    """One server asked for one thing, and what each round of it cost."""

    name: str
    port: int
    pid: int
    bodies: Sequence[bytes]
    microseconds: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    p50s: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)


async def loading(
    row: Row, token: str, connections: int, seconds: float, rate: float
) -> asyncio.subprocess.Process:
    """Begin to load a row's server, from a process of its own."""
    return await loads.loading(
        "benchmarks.support.posts",
        row.port,
        connections,
        seconds,
        rate,
        told=b"\n".join([token.encode(), *row.bodies]),
        core=OTHER_CORE,
    )


async def measure(row: Row, token: str, connections: int, rate: float) -> None:
    """Load a row's server once and note what it cost."""
    load = await loading(row, token, connections, SECONDS, rate)
    before = processes.cpu_seconds(row.pid)
    report = await loads.reported(load)
    spent = processes.cpu_seconds(row.pid) - before
    if report["codes"] != {"201": report["answers"]} or report["lost"]:
        raise RuntimeError(f"{row.name}: {report['codes']}, {report['lost']} lost")
    row.microseconds.append(1e6 * spent / report["answers"])
    row.rates.append(report["answers"] / report["seconds"])
    row.p50s.append(1000 * report["p50"])
    row.p99s.append(1000 * report["p99"])


async def table(title: str, rows: Sequence[Row], token: str, connections: int, rate: float) -> None:
    """Measure the rows in turns and print them beside the first."""
    for number in range(ROUNDS + 1):
        for row in rows:
            if number == 1:  # the first round only warmed up
                row.microseconds, row.rates, row.p50s, row.p99s = [], [], [], []
            await measure(row, token, connections, rate)
    print(f"\n{title}")
    print(
        f"{'':34} {'CPU µs a mail':>20} {'x bare':>7} {'a second and core':>18}"
        f" {'mails/s':>8} {'p50 ms':>7} {'p99 ms':>7}"
    )
    yardstick = median(rows[0].microseconds)
    for row in rows:
        spread = f"({min(row.microseconds):.0f}-{max(row.microseconds):.0f})"
        cost = median(row.microseconds)
        print(
            f"{row.name:34} {cost:6.0f} {spread:>13} {cost / yardstick:7.2f} {1e6 / cost:18.0f}"
            f" {median(row.rates):8.0f} {median(row.p50s):7.1f} {median(row.p99s):7.1f}",
            flush=True,
        )


def as_mime(content: bytes, kind: bytes = b"text/html; charset=utf-8") -> bytes:
    """Write a mail as a mail system hands it in."""
    return (
        b"From: ana@demo.example\r\nTo: li@customer.example\r\nSubject: Your week\r\n"
        b"Inkling-Owner: ana\r\nInkling-Recipients: li@customer.example; kind=contact\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: %b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%b"
        % (kind, content)
    )


def larges() -> dict[str, bytes]:
    """Write mails of 10 MB of each shape of HTML that has been hard for somebody, and one of 25 MB with files."""
    shapes = {
        "quotes": b'<a href="',
        "nesting": b"<div>",
        "comments": b"<!--",
        "`<`": b"<",
        "links": b'<a href="https://shop.example/a">a</a>\r\n',
    }
    floods = {name: shape * (FLOOD_BYTES // len(shape)) for name, shape in shapes.items()}
    file = b"\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    content = base64.encodebytes(bytes(FILE_BYTES)).replace(b"\n", b"\r\n")
    page = b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + newsletter.html(0).encode()
    files = page + (file + content) * FILES + b"\r\n--b--\r\n"
    return {
        **{name: as_mime(flood) for name, flood in floods.items()},
        "25 MB of files": as_mime(files, b"multipart/mixed; boundary=b"),
    }


class Beside:
    """Large mails one after the other while small ones go on, and the loop is asked all the time."""

    def __init__(self, rewriter: Row, token: str) -> None:
        self._rewriter = rewriter
        self._token = token

    async def report(self, mail: bytes | None) -> str:
        """Say how long the loop was away and small mails took, while a large one goes in again and again."""
        load = await loading(self._rewriter, self._token, 8, BESIDE_SECONDS, BESIDE_RATE)
        over = asyncio.Event()
        reading = asyncio.create_task(loads.reported(load))
        reading.add_done_callback(lambda _: over.set())
        large = asyncio.create_task(self._large(mail, over))
        longest = await self._longest_answer(over)
        report = await reading
        codes = await large
        return (
            f"{1000 * longest:14.0f} {1000 * report['p50']:8.1f} {1000 * report['p99']:8.1f}"
            f" {len(codes):6} {processes.peak_megabytes(self._rewriter.pid):7.0f}  {', '.join(sorted(set(codes)))}"
        )

    async def _longest_answer(self, over: asyncio.Event) -> float:
        """Ask for the shortest answer there is, and return the longest wait."""
        longest = 0.0
        reader, writer = await asyncio.open_connection("127.0.0.1", self._rewriter.port)
        while not over.is_set():
            asked = time.perf_counter()
            writer.write(b"GET /nowhere HTTP/1.1\r\nHost: rewriter.example\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            size = next(line for line in head.splitlines() if line.startswith(b"Content-Length"))
            await reader.readexactly(int(size.split()[1]))
            longest = max(longest, time.perf_counter() - asked)
            await asyncio.sleep(PROBE_SECONDS)
        writer.close()
        return longest

    async def _large(self, mail: bytes | None, over: asyncio.Event) -> list[str]:
        codes: list[str] = []
        while mail is not None and not over.is_set():
            codes.append(str(await asyncio.to_thread(self._post, mail)))
        return codes

    def _post(self, body: bytes) -> int:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "message/rfc822",
            "Accept": "message/rfc822",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self._rewriter.port, timeout=60)
        connection.request("POST", "/v1/mail", body, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status


def split() -> None:
    """Print what each step costs by itself."""
    print("\nby itself, in this process, the quickest of many turns, in µs a mail")
    single = steps.microseconds(newsletter.mail(1))
    ten = steps.microseconds(newsletter.mail(1, copies=10))
    print(f"{'':34} {'one copy':>10} {'each further copy':>18}")
    for name, cost in single.items():
        print(f"{name:34} {cost:10.0f} {(ten[name] - cost) / 9:18.1f}")


async def main() -> None:
    """Print what a mail costs at full load, at a steady rate, to many, and beside large ones."""
    if not processes.can_measure():
        print("needs /proc to measure what a process costs; nothing was measured")
        return
    split()
    with a_stack() as stack:
        stack.broker.start()
        await create_topics(stack.kafka)
        async with AsyncExitStack() as servers:
            await compare(stack, servers)


async def until_followed(rewriter: Row, token: str) -> bytes:
    """Return the rewriter's answer to a mail, once it has everything that it needs to give one."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{rewriter.port}/v1/mail"
    async with asyncio.timeout(KAFKA_SECONDS), aiohttp.ClientSession() as session:
        while True:
            async with session.post(url, data=rewriter.bodies[0], headers=headers) as answer:
                if answer.status == 201:
                    return await answer.read()
            await asyncio.sleep(0.1)


async def bare(servers: AsyncExitStack, said: Path, bodies: Sequence[bytes], *kafka: str) -> Row:
    """Start a yardstick."""
    port = processes.free_port()
    pid = await servers.enter_async_context(
        processes.running("benchmarks.support.bare_mail", str(port), str(said), *kafka, port=port)
    )
    name = "the same, two records by aiokafka" if kafka else "bare aiohttp and orjson"
    return Row(name=name, port=port, pid=pid, bodies=bodies)


async def copies(rewriter: Row, token: str) -> None:
    """Print what a mail costs that becomes several copies."""
    rows = []
    for count in COPIES:
        bodies = [orjson.dumps(newsletter.mail(number, count)) for number in range(MAILS // count)]
        rows.append(
            Row(name=f"{count} copies", port=rewriter.port, pid=rewriter.pid, bodies=bodies)
        )
    await table("several copies, 8 connections", rows, token, 8, 0)
    least = median(rows[0].microseconds)
    for count, row in zip(COPIES[1:], rows[1:], strict=True):
        print(
            f"each further copy of {count}: {(median(row.microseconds) - least) / (count - 1):.0f} µs"
        )
    print(f"rewriter's memory, at most so far: {processes.peak_megabytes(rewriter.pid):.0f} MB")


async def beside_large(rewriter: Row, token: str) -> None:
    """Print how small mails fare beside large ones, hostile or not."""
    print(
        f"\n{BESIDE_RATE} small mails/s beside large ones as MIME, one at a time; ms, MB at most so far"
    )
    print(
        f"{'':16} {'size':>6} {'longest answer':>14} {'p50':>8} {'p99':>8} {'large':>6} {'memory':>7}  codes"
    )
    beside = Beside(rewriter, token)
    for name, mail in {"none": None, **larges()}.items():
        size = 0 if mail is None else len(mail) / 1e6
        print(f"{name:16} {size:6.1f} {await beside.report(mail)}", flush=True)


async def compare(stack: Stack, servers: AsyncExitStack) -> None:
    """Run the yardsticks and the rewriter beside each other."""
    token = stack.token(tenant="demo", roles=["sender"])
    told = environment.of_service(
        "rewriter", stack.ports, stack.credentials, stack.kafka, stack.postgres, stack.objects
    )
    port = stack.ports.public("rewriter")
    pid = await servers.enter_async_context(
        processes.running(
            "services.rewriter", port=port, environment=told | {"INKLING_LOG_LEVEL": "error"}
        )
    )
    bodies = [orjson.dumps(newsletter.mail(number)) for number in range(MAILS)]
    rewriter = Row(name="rewriter, published", port=port, pid=pid, bodies=bodies)
    said = stack.objects.parent / "answer.json"
    said.write_bytes(await until_followed(rewriter, token))
    plain = await bare(servers, said, bodies)
    sizes = map(str, steps.record_sizes(newsletter.mail(1)))
    publishing = await bare(servers, said, bodies, stack.kafka, topics.EVENTS.name, *sizes)
    rows = [plain, publishing, rewriter]
    pinned = processes.pin(stack.processes.pid("kafka"), OTHER_CORE)
    for row in rows:
        pinned = processes.pin(row.pid, SERVER_CORE) and pinned
    print(
        f"\n{os.cpu_count()} cores, servers {'pinned' if pinned else 'not pinned'}, one broker;"
        f" {len(bodies[0])} bytes in, {said.stat().st_size} out"
    )
    for connections in (1, CONNECTIONS):
        title = f"full load, {connections} connections, {ROUNDS} rounds of {SECONDS:g} s"
        await table(title, rows, token, connections, 0)
    title = f"{RATE} mails/s, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS:g} s"
    await table(title, rows, token, CONNECTIONS, RATE)
    print(f"rewriter's memory, at most so far: {processes.peak_megabytes(pid):.0f} MB")
    await copies(rewriter, token)
    await beside_large(rewriter, token)
