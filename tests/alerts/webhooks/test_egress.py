"""The way out, watched where sockets are opened: never to where it may not go, whatever a name or an answer says."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.alerts.webhooks.egress import Egress, Lookup, Reply, open_egress
from services.alerts.webhooks.kinds import Result
from tests.alerts.webhooks.test_address import FORBIDDEN, NAMES, SPELLINGS
from tests.support.certificates import trusted
from tests.support.receiver import Receiver, receiving
from tests.support.sockets import connections

HOST = "hooks.example"
# A name that may be on any port where this machine may be called; what it resolves to is a test's own.
MACHINE = "localhost"
BODY = b'{"type":"message.first_opened"}'
PUBLIC = "93.184.215.14"


def named(*addresses: str) -> Lookup:
    """A resolver that always answers the same."""
    return lambda host, port: addresses


@asynccontextmanager
async def way_out(
    lookup: Lookup,
    *,
    loopback: bool = False,
    trust: ssl.SSLContext | None = None,
    seconds: float = 0.6,
) -> AsyncIterator[Egress]:
    async with open_egress(
        loopback=loopback, lookup=lookup, trust=trust, total_seconds=seconds
    ) as egress:
        yield egress


async def post(egress: Egress, url: str) -> Reply:
    async with asyncio.timeout(20):
        return await egress.post(url, {"webhook-id": "1"}, BODY)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as one:
        yield one


@pytest.fixture
def proxy_settings(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{receiver.port}")


@pytest.mark.parametrize("address", [one for one in FORBIDDEN if "%" not in one])
async def test_no_socket_is_opened_to_a_name_with_a_forbidden_address(address: str) -> None:
    async with way_out(named(address)) as egress:
        with connections() as seen:
            reply = await post(egress, f"https://{HOST}/")
    assert (reply.result, seen) == (Result.FORBIDDEN_ADDRESS, [])


async def test_no_socket_is_opened_when_one_address_of_several_is_forbidden() -> None:
    async with way_out(named(PUBLIC, "10.0.0.1")) as egress:
        with connections() as seen:
            reply = await post(egress, f"https://{HOST}/")
    assert (reply.result, seen) == (Result.FORBIDDEN_ADDRESS, [])


@pytest.mark.parametrize("host", [*SPELLINGS, *NAMES, "127.0.0.1", "[::1]", "169.254.169.254"])
async def test_no_socket_is_opened_to_a_host_in_a_spelling_that_is_not_plain(host: str) -> None:
    def never(host: str, port: int) -> Sequence[str]:
        raise AssertionError(host)

    async with way_out(never) as egress:
        with connections() as seen:
            reply = await post(egress, f"https://{host}/")
    assert (reply.result, seen) == (Result.FORBIDDEN_ADDRESS, [])


async def test_a_name_that_was_public_is_asked_for_anew_at_every_attempt(tmp_path: Path) -> None:
    trust = trusted(tmp_path, [MACHINE])
    answers = iter([["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1"]])
    async with (
        receiving(trust.server) as receiver,
        way_out(lambda host, port: next(answers), loopback=True, trust=trust.client) as egress,
    ):
        url = receiver.url("ok", MACHINE)
        # The first answer is as good as a public one: here this machine is permitted, and the inside is not.
        assert (await post(egress, url)).result is Result.DELIVERED
        with connections() as seen:
            assert (await post(egress, url)).result is Result.FORBIDDEN_ADDRESS
        assert seen == []
        assert (await post(egress, url)).result is Result.DELIVERED
        assert receiver.connections == 2


async def test_what_was_looked_at_is_what_is_connected_to(tmp_path: Path) -> None:
    """A resolver that changes its mind within an attempt is asked once only."""
    trust = trusted(tmp_path, [MACHINE])
    asked: list[str] = []

    def turning(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    async with (
        receiving(trust.server) as receiver,
        way_out(turning, loopback=True, trust=trust.client) as egress,
    ):
        with connections() as seen:
            reply = await post(egress, receiver.url("ok", MACHINE))
    assert (reply.result, asked) == (Result.DELIVERED, [MACHINE])
    assert seen == [("127.0.0.1", receiver.port)]


async def test_a_socket_itself_is_not_opened_to_a_forbidden_address() -> None:
    """The last line: even if a resolver's answer were not looked at."""
    async with way_out(named(PUBLIC)) as egress:
        connector = egress._session.connector
        assert connector is not None
        resolver = connector._resolver  # type: ignore[attr-defined]  # aiohttp's, not public

        async def blind(host: str, port: int = 0, family: int = 0) -> object:
            return [
                {
                    "hostname": host,
                    "host": "127.0.0.1",
                    "port": port,
                    "family": 2,
                    "proto": 0,
                    "flags": 4,
                }
            ]

        resolver.resolve = blind
        with connections() as seen:
            reply = await post(egress, f"https://{HOST}/")
    assert (reply.result, seen) == (Result.FORBIDDEN_ADDRESS, [])


async def test_a_redirect_to_the_inside_is_not_followed(receiver: Receiver) -> None:
    async with receiving() as inside, way_out(named(), loopback=True) as egress:
        receiver.location = inside.url("ok")
        with connections() as seen:
            reply = await post(egress, receiver.url("redirect"))
        assert (reply.result, reply.status) == (Result.REDIRECTED, 302)
        assert seen == [("127.0.0.1", receiver.port)]
        assert inside.connections == 0


@pytest.mark.usefixtures("proxy_settings")
async def test_no_proxy_of_the_environment_is_used(receiver: Receiver) -> None:
    async with way_out(named("127.0.0.1")) as egress:
        with connections() as seen:
            reply = await post(egress, f"https://{HOST}/")
    assert (reply.result, seen, receiver.connections) == (Result.FORBIDDEN_ADDRESS, [], 0)


async def test_what_is_sent_is_what_was_given_and_little_else(receiver: Receiver) -> None:
    async with way_out(named(), loopback=True) as egress:
        reply = await post(egress, receiver.url("ok/there?a=b"))
    (call,) = receiver.calls
    assert (reply.result, reply.status) == (Result.DELIVERED, 200)
    assert (call.path, call.body) == ("/ok/there?a=b", BODY)
    assert set(call.headers) == {
        "host", "webhook-id", "accept", "content-type", "user-agent", "content-length",
        "connection",
    }  # fmt: skip
    assert call.headers["content-type"] == "application/cloudevents+json; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "result", "status"),
    [
        ("status/500", Result.FAILED, 500),
        ("status/410", Result.GONE, 410),
        ("throttle", Result.THROTTLED, 429),
        ("hang", Result.TIMEOUT, None),
        ("drip", Result.TIMEOUT, None),
        ("dribble", Result.DELIVERED, 200),
        ("reset", Result.BROKEN_OFF, None),
        ("garbage", Result.BROKEN_OFF, None),
        ("huge", Result.DELIVERED, 200),
    ],
)
async def test_every_kind_of_receiver_comes_to_what_is_documented(
    receiver: Receiver, path: str, result: Result, status: int | None
) -> None:
    async with way_out(named(), loopback=True) as egress:
        reply = await post(egress, receiver.url(path))
    assert (reply.result, reply.status) == (result, status)
    assert reply.retry_after == ("7" if path == "throttle" else None)


async def test_of_a_huge_answer_a_little_is_read(receiver: Receiver) -> None:
    async with way_out(named(), loopback=True, seconds=10) as egress:
        await post(egress, receiver.url("huge"))
    assert receiver.sent < 16 * 1024 * 1024, "what buffers on the way hold, not 64 MiB"


async def test_nobody_listening_and_no_such_name_are_told_apart(unused_tcp_port: int) -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    async with way_out(unknown, loopback=True) as egress:
        url = f"http://127.0.0.1:{unused_tcp_port}/"
        assert (await post(egress, url)).result is Result.UNREACHABLE
        assert (await post(egress, f"https://{HOST}/")).result is Result.UNRESOLVED
    async with way_out(named()) as egress:
        assert (await post(egress, f"https://{HOST}/")).result is Result.UNRESOLVED


async def test_a_certificate_that_is_not_trusted_or_of_another_name_ends_it(tmp_path: Path) -> None:
    good = trusted(tmp_path, [MACHINE])
    stranger = trusted(tmp_path, ["other.example"])
    for server, client in (
        (good.server, None), (stranger.server, stranger.client), (stranger.server, good.client),
    ):  # fmt: skip
        async with (
            receiving(server) as receiver,
            way_out(named("127.0.0.1"), loopback=True, trust=client) as egress,
        ):
            reply = await post(egress, receiver.url("ok", MACHINE))
            assert reply.result is Result.BAD_CERTIFICATE
            assert receiver.calls == []


async def test_a_slow_lookup_is_a_timeout_and_holds_one_thread_however_often_it_is_asked() -> None:
    go = threading.Event()
    asked: list[str] = []

    def slow(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        go.wait(20)
        return ["10.0.0.1"]

    async with way_out(slow, seconds=0.2) as egress:
        for _ in range(3):
            assert (await post(egress, f"https://{HOST}/")).result is Result.TIMEOUT
        assert asked == [HOST]
        go.set()
