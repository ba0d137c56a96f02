"""The rewriter's yardstick: `python -m benchmarks.support.bare_mail PORT ANSWER [KAFKA TOPIC SIZE …]`.

An aiohttp handler that reads a mail's JSON and answers the JSON in the file ANSWER, both through orjson. With Kafka it
first has records of the sizes given acknowledged, by aiokafka as it comes.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import uvloop
from aiohttp import web
from aiokafka import AIOKafkaProducer

from benchmarks.support.bare import serve

MAX_BODY_BYTES = 30 * 1024 * 1024
Publish = Callable[[bytes], Awaitable[object]]


async def nothing(key: bytes) -> None:
    """Publish nothing."""


@asynccontextmanager
async def kafka(servers: str, topic: str, *sizes: str) -> AsyncIterator[Publish]:
    """Give what publishes records of these sizes under a key, once all replicas have them."""
    producer: Any = AIOKafkaProducer(bootstrap_servers=servers, acks="all", linger_ms=5)
    await producer.start()
    values = [b"x" * int(size) for size in sizes]

    async def publish(key: bytes) -> None:
        sent = [await producer.send(topic, value, key=key) for value in values]
        await asyncio.gather(*sent)

    try:
        yield publish
    finally:
        await producer.stop()


def application(answer: Any, publish: Publish) -> web.Application:
    """Answer every mail alike, once it is published."""

    async def mail(request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        await publish(body["subject"].encode())
        return web.Response(body=orjson.dumps(answer), status=201, content_type="application/json")

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.add_routes([web.post("/v1/mail", mail)])
    return app


async def main(port: int, answer: Any, *to_kafka: str) -> None:
    """Serve as the arguments say."""
    if not to_kafka:
        await serve(application(answer, nothing), port)
        return
    async with kafka(*to_kafka) as publish:
        await serve(application(answer, publish), port)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), orjson.loads(Path(sys.argv[2]).read_bytes()), *sys.argv[3:]))
