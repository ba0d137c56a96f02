"""Load from a process of its own: kept-alive connections that do as little as a client can.

`python -m benchmarks.support.load PORT CONNECTIONS SECONDS RATE < paths`, RATE 0 for as many as the server takes.
Prints one JSON line, latencies by the second they were due in included. With a rate,
latency counts from the moment a request was due, so that a stall is not hidden.
"""

import asyncio
import itertools
import json
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import cast

import uvloop

TICK_SECONDS = 0.001


class Client(asyncio.Protocol):
    """One connection: asks, reads a whole answer, and asks again or waits to be told."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._buffer = b""
        self._due: deque[float] = deque()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take part from now on."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        self._load.clients.append(self)

    def ask(self, due: float) -> None:
        """Send the next request."""
        if self._transport is None:
            return
        self._due.append(due)
        self._transport.write(next(self._load.requests))

    def data_received(self, data: bytes) -> None:
        """Read what is whole."""
        self._buffer += data
        while self._due and (size := answer_size(self._buffer)):
            code, self._buffer = self._buffer[9:12], self._buffer[size:]
            self._load.answered(code, self._due.popleft())
            if self._load.closed_loop and not self._load.over:
                self.ask(time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what was asked."""
        self._load.lost += len(self._due)


def answer_size(buffer: bytes) -> int:
    """Return the length of the first whole answer, 0 while it is not whole."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    at = buffer.find(b"Content-Length: ", 0, end) + 16
    size = end + 4 + int(buffer[at : buffer.find(b"\r", at)])
    return size if len(buffer) >= size else 0


class Load:
    """What is sent and what came back."""

    def __init__(self, requests: Iterator[bytes], closed_loop: bool) -> None:
        self.requests = requests
        self.closed_loop = closed_loop
        self.clients: list[Client] = []
        self.over = False
        self.lost = 0
        self.codes: dict[str, int] = {}
        self.latencies: list[float] = []
        self.dues: list[float] = []

    def answered(self, code: bytes, due: float) -> None:
        """Take note of an answer."""
        if not self.over:
            text = code.decode()
            self.codes[text] = self.codes.get(text, 0) + 1
            self.latencies.append(time.perf_counter() - due)
            self.dues.append(due)

    async def pace(self, rate: float, seconds: float) -> None:
        """Ask at a rate, whatever the server does."""
        begun = time.perf_counter()
        turn = itertools.cycle(self.clients)
        for number in range(int(rate * seconds)):
            due = begun + number / rate
            early = due - time.perf_counter()
            if early > 0:
                await asyncio.sleep(max(TICK_SECONDS, early))
            next(turn).ask(due)


def by_second(load: Load, begun: float) -> list[list[float]]:
    """Return the latencies of what was due in each second."""
    seconds: list[list[float]] = []
    for due, latency in zip(load.dues, load.latencies, strict=True):
        while len(seconds) <= int(due - begun):
            seconds.append([])
        seconds[int(due - begun)].append(round(latency, 5))
    return seconds


def gets(paths: Sequence[str]) -> list[bytes]:
    """Write requests as a browser asks for pictures."""
    return [
        f"GET {path} HTTP/1.1\r\nHost: t.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) "
        "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36\r\n"
        "Accept-Language: en-GB,en;q=0.9\r\nAccept: image/*\r\n\r\n".encode()
        for path in paths
    ]


async def run(
    port: int, connections: int, seconds: float, rate: float, requests: Sequence[bytes]
) -> None:
    """Connect, load, and print what came of it."""
    load = Load(itertools.cycle(requests), closed_loop=rate == 0)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(load), "127.0.0.1", port)
    print("begin", flush=True)
    begun = time.perf_counter()
    if load.closed_loop:
        for client in load.clients:
            client.ask(begun)
        await asyncio.sleep(seconds)
    else:
        await load.pace(rate, seconds)
    load.over = True
    took = time.perf_counter() - begun
    ordered = sorted(load.latencies) or [0.0]
    report = {
        "seconds": took,
        "answers": len(load.latencies),
        "codes": load.codes,
        "lost": load.lost,
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[int(len(ordered) * 0.99)],
        "by_second": by_second(load, begun),
    }
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    port, connections, seconds, rate = sys.argv[1:]
    uvloop.run(
        run(
            int(port), int(connections), float(seconds), float(rate), gets(sys.stdin.read().split())
        )
    )
