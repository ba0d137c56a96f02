"""Laws of the head parser: it never raises, and nobody would take an accepted head for anything else.

The others asked are aiohttp's two parsers. The front end behind ours uses the one in C: it accepts whatever is accepted
here, with the same words and the same end. The one in Python may refuse more, but where it accepts, the end is the
same. Where two parsers differ about an end, requests are smuggled.

An input is what is sent; one that begins with NUL is the headers alone, of a request that is otherwise sound.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, cast
from zlib import crc32

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy, RawRequestMessage
from aiohttp.http_writer import HttpVersion10, HttpVersion11
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from multidict import CIMultiDictProxy

from services.tracker.front.blocks import CLOSE, HEAD, OLD
from services.tracker.front.heads import HEAD_BYTES, OURS, HeadReader, Request, Verdict
from services.tracker.hits import Hit
from services.tracker.metrics import Kind

MOST_BYTES: Final = HEAD_BYTES + 512
WORDS: Final = (
    *OURS,
    *b"HEAD GET POST CONNECT PRI .gif ? HTTP/1.1 HTTP/1.0 HTTP/2.0 %2f %00".split(),
    *b"Host: Connection: Proxy-Connection: Content-Length: Transfer-Encoding: Upgrade:".split(),
    *b"User-Agent: X-Forwarded-For: Forwarded: Range: Purpose: X-Moz: Content-Encoding:".split(),
    *b"Expect: ETag: Sec-WebSocket-Key1: Trailer: TE: Max-Forwards: traceparent:".split(),
    *b"close keep-alive upgrade chunked identity gzip h2c websocket 100-continue".split(),
    *(b"\r\n", b"\r\n\r\n", b"\r\n ", b"\r\n\t", b"\n", b"\r", b" :", b"\t:", b", "),
    *(b"\0", b"\x0b", b"\x0c", b"\x1c", b"\x7f", b"\x85", b"\xa0", b"\xff", b"\xc4\xb1"),
    b"GET /o/A.gif HTTP/1.1\r\nHost: a\r\n\r\n",
)

Read = Callable[[bytes, int, int], Request | Verdict]
Message = tuple[RawRequestMessage, StreamReader]

_BEGIN: Final = b"GET /o/A.gif HTTP/1.1\r\n"
_END: Final = b"\r\n\r\n"
_BARE: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)|\0")
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*0+[ \t]*\r\n", re.IGNORECASE)
_BODY: Final = re.compile(rb"\r\n(?:content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_NEXT: Final = b"GET /o/next.gif HTTP/1.1\r\nHost: next\r\n\r\n"
_REQUESTS: Final = 16

# As the one of a process, it lives through everything that is sent.
_READER: Final = HeadReader()
# Nothing is ever awaited.
_LOOP: Final = cast(asyncio.AbstractEventLoop, object())


def seeds() -> dict[str, bytes]:
    """Return what to begin with by name: what mail programs ask, what smugglers ask, and what was found before."""
    here = Path(__file__).parent
    paths = [*(here / "seeds" / "heads").iterdir(), *(here / "examples" / "heads").iterdir()]
    named = {path.name: path.read_bytes() for path in sorted(paths)}
    headers = {
        f"{name}, headers": b"\0" + sent.partition(b"\r\n")[2].partition(_END)[0]
        for name, sent in named.items()
    }
    return named | headers


def check(data: bytes) -> None:
    """Raise AssertionError, or anything else, for bytes about which a law does not hold."""
    if data.startswith(b"\0"):
        data = _BEGIN + data[1:] + _END
    assert HeadReader().read(data) == _READER.read(data), "something was remembered"
    judge(data, _READER.read)


def judge(data: bytes, read: Read) -> None:
    """Do the same for any reader."""
    verdict = read(data, 0, 0)
    assert isinstance(verdict, Request | Verdict)
    assert read(data, 0, 0) == verdict, "read twice, it differs"
    split = crc32(data) % (len(data) + 1)
    before = read(data[:split], 0, 0)
    assert before in (Verdict.UNFINISHED, verdict), "more bytes changed what was decided"
    if before is Verdict.UNFINISHED:
        assert read(data, 0, split) == verdict, "it differs when it goes on"
        behind = read(_NEXT + data, len(_NEXT), len(_NEXT) + split)
        assert _moved(behind, -len(_NEXT)) == verdict, "it differs at an offset"
    if isinstance(verdict, Request):
        _check_stream(data, read, split)
    elif verdict is Verdict.UNFINISHED:
        assert not _taken(data), "aiohttp finds an end where we find none"
    elif verdict is Verdict.MALFORMED:
        end = data.find(_END, 0, HEAD_BYTES)
        if end < 0:
            assert not _taken(data[:HEAD_BYTES]), "aiohttp finds an end where we find none"
        else:
            assert not _taken(data[: end + len(_END)]), "aiohttp accepts it"


def _moved(read: Request | Verdict, by: int) -> Request | Verdict:
    return read._replace(end=read.end + by) if isinstance(read, Request) else read


def _check_stream(data: bytes, read: Read, split: int) -> None:
    """Check the requests that follow each other, alone and as a stream."""
    requests: list[Request] = []
    at = 0
    while len(requests) < _REQUESTS:
        request = read(data, at, 0)
        if not isinstance(request, Request):
            break
        _check_head(request, data[at : request.end])
        assert _moved(read(data[at:], 0, 0), at) == request, "it differs at an offset"
        requests.append(request)
        at = request.end
        if request.body or request.form & CLOSE:
            break
    for pieces in ([data[:at]], [data[: min(split, at)], data[split:at]]):
        _check_against(HttpRequestParser, requests, pieces)
        with suppress(HttpProcessingError):
            _check_against(HttpRequestParserPy, requests, pieces)


def _check_head(request: Request, head: bytes) -> None:
    assert head.startswith(OURS)
    assert head.find(_END) + len(_END) == len(head) <= HEAD_BYTES, "the end is another"
    assert not _BARE.search(head)
    assert bool(request.form & HEAD) == head.startswith(b"HEAD ")
    announced = _BODY.search(_LENGTH.sub(b"\r\n", head)) is not None
    assert announced == request.body, "it is wrong about a body"
    assert request.kind in (Kind.OPEN, Kind.CLICK)
    assert re.fullmatch(r"[\w-]+", request.token, re.ASCII)


def _check_against(
    make: Callable[..., HttpRequestParser], requests: list[Request], pieces: list[bytes]
) -> None:
    parser = make(BaseProtocol(_LOOP), _LOOP, 2**16)
    messages: list[Message] = []
    for piece in pieces:
        if piece:
            told, upgraded, rest = parser.feed_data(piece)
            assert not upgraded
            assert rest == b""
            messages.extend(told)
    assert len(messages) == len(requests), "there are more of them, or fewer"
    for (message, payload), request in zip(messages, requests, strict=True):
        assert (payload is not EMPTY_PAYLOAD) == request.body, "there is a body, or not"
        if make is HttpRequestParser:
            ends = bool(request.form & CLOSE)
            # Of HTTP/1.0 that says both, llhttp hears keep-alive; to end is what the RFC asks.
            both = request.form & OLD and ends and "close" in str(message.headers).lower()
            assert message.should_close == ends or both, "the connection goes on, or not"
        _check_alike(message, request)
    if not requests[-1].body and not requests[-1].form & CLOSE:
        told, _, rest = parser.feed_data(_NEXT)
        assert [message.path for message, _ in told] == ["/o/next.gif"], "the next is not the next"
        assert rest == b""


def _check_alike(message: RawRequestMessage, request: Request) -> None:
    headers = message.headers
    path = f"/o/{request.token}.gif" if request.kind is Kind.OPEN else f"/c/{request.token}"
    assert message.method == ("HEAD" if request.form & HEAD else "GET")
    assert message.path.partition("?")[0] == message.url.raw_path == path, "another path"
    assert message.version == (HttpVersion10 if request.form & OLD else HttpVersion11)
    assert not message.upgrade
    assert message.compression is None
    assert request.hit("n") == _hit(message.method, headers), "it tells something else"
    for name in ("X-Forwarded-For", "Forwarded"):
        lines = request.lines(name.lower().encode())
        assert _listed(lines) == _listed(headers.getall(name, ())), "it came another way"


def _hit(method: str, headers: "CIMultiDictProxy[str]") -> Hit:
    get = headers.get
    return Hit(
        method=method,
        network="n",
        user_agent=get("User-Agent"),
        language=get("Accept-Language"),
        purpose=get("Purpose") or get("X-Purpose") or get("X-Moz"),
        sec_purpose=get("Sec-Purpose"),
        range=get("Range"),
        traceparent=get("traceparent"),
    )


def _listed(lines: "list[str] | tuple[str, ...]") -> list[str]:
    return [each.strip(" \t") for each in ",".join(lines).split(",")] if lines else []


def _taken(sent: bytes) -> bool:
    """Tell whether the front end behind takes it for a request."""
    try:
        messages, _, _ = HttpRequestParser(BaseProtocol(_LOOP), _LOOP, 2**16).feed_data(sent)
    except HttpProcessingError:
        return False
    # What its parser lets pass as another version, or in no encoding, it refuses itself.
    return any(
        message.version in (HttpVersion10, HttpVersion11)
        and message.headers.get("Transfer-Encoding") != ""
        for message, _ in messages
    )
