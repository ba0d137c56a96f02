"""Requests, well-formed and not, that both front ends must answer alike."""

from dataclasses import dataclass

from tests.tracker.given import click_token, open_token

PIXEL = f"/o/{open_token()}.gif".encode()
LINK = f"/c/{click_token()}".encode()
HOST = b"Host: t.example"
TRACE = b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True, slots=True)
class Case:
    """Bytes that a client sends, and the statuses of what it gets; `hits` are those recorded."""

    name: str
    sent: bytes
    statuses: tuple[int, ...]
    hits: int


def get(
    target: bytes = PIXEL,
    *headers: bytes,
    method: bytes = b"GET",
    version: bytes = b"1.1",
    host: bytes | None = HOST,
) -> bytes:
    """Write a request's head."""
    told = headers if host is None else (host, *headers)
    return b"\r\n".join((b"%b %b HTTP/%b" % (method, target, version), *told, b"", b""))


def _one(name: str, *headers: bytes, target: bytes = PIXEL, status: int = 200) -> Case:
    hits = 1 if status in (200, 302) else 0
    return Case(name, get(target, *headers), (status,), hits)


def _bad(name: str, sent: bytes) -> Case:
    return Case(name, sent, (400,), 0)


CLOSE = b"Connection: close"
KEEP = b"Connection: keep-alive"
NOBODY = b"/o/nobody.gif"

ANSWERED = (
    _one("pixel"),
    _one("link", target=LINK, status=302),
    _one("pixel with a query", target=PIXEL + b"?utm_source=a&b=%20/x"),
    _one("link with a query", target=LINK + b"?x", status=302),
    _one("pixel with an odd query", target=PIXEL + b'?"<>\\^`{|}#f'),
    Case("pixel of nobody", get(NOBODY), (200,), 0),
    Case("link of nobody", get(b"/c/nobody"), (404,), 0),
    Case("head of a pixel", get(method=b"HEAD"), (200,), 1),
    Case("head of a link", get(LINK, method=b"HEAD"), (302,), 1),
    Case("head of a link of nobody", get(b"/c/nobody", method=b"HEAD"), (404,), 0),
    Case("an escaped token", get(PIXEL.replace(b"/o/A", b"/o/%41")), (200,), 1),
    Case("an escaped slash", get(b"/o/%2e%2e%2fetc.gif"), (200,), 0),
    Case("no gif", get(b"/o/x"), (404,), 0),
    Case("an empty token", get(b"/o/.gif"), (404,), 0),
    Case("a longer path", get(b"/c/x/y"), (404,), 0),
    Case("another method", get(method=b"POST"), (405,), 0),
    Case("another path", get(b"/nobody"), (404,), 0),
    Case("an absolute target", get(b"http://t.example" + PIXEL), (200,), 1),
    Case("two spaces", get(b" " + PIXEL), (200,), 1),
    Case("an empty line first", b"\r\n" + get(), (200,), 1),
    _one("a browser", b"User-Agent: Mozilla/5.0 (X11)", b"Accept-Language: de, en;q=0.5"),
    _one("lower-case names", b"user-agent: a", b"accept-language: en"),
    _one("odd names", b"USER-agent: a", b"ACCEPT-Language: en"),
    _one("spaces around", b"User-Agent: \t a b \t", b"Accept-Language:en"),
    _one("empty values", b"User-Agent:", b"X:", b"Accept-Language: \t"),
    _one("no ASCII", b"User-Agent: \xe9\xff", b"Accept-Language: \xc3\xa9"),
    _one("purpose", b"Purpose: prefetch", b"Sec-Purpose: prefetch;prerender"),
    _one("an older purpose", b"X-Purpose: preview", b"X-Moz: prefetch"),
    _one("the oldest purpose", b"Purpose:", b"X-Moz: prefetch"),
    _one("a trace", TRACE),
    _one("a range", b"Range: bytes=0-0"),
    _one("no such range", b"Range: bytes=99-", b'If-Range: "x"'),
    _one("a tag", b"If-None-Match: *"),
    _one("another tag", b'If-Match: "x"'),
    _one("a date", b"If-Modified-Since: Fri, 31 Dec 2038 23:59:59 GMT"),
    _one("an earlier date", b"If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"),
    _one("a range of a link", b"Range: bytes=0-0", target=LINK, status=302),
    _one("a packed nothing", b"Content-Encoding: gzip"),
    _one("cookies", b"Cookie: a=b", b"Cookie: c=d"),
    _one("a name twice", b"Accept-Language: a", b"accept-language: b", b"Accept-Language: c"),
    _one("as many headers as may be", *[b"X: y"] * 127),
    _one("as long as may be", b"X: " + b"y" * (8192 - len(get()) - 5)),
    Case("an empty host", get(PIXEL, b"Host:", host=None), (200,), 1),
    _one("one proxy", b"X-Forwarded-For: 192.0.2.1, 203.0.113.9"),
    _one("more lines", b"X-Forwarded-For: 192.0.2.1", b"X-Forwarded-For: 198.51.100.7"),
    _one("a standard proxy", b'Forwarded: for=1.2.3.4, For="[2001:db8:1:2::9]:80";proto=http'),
    _one("both of them", b"X-Forwarded-For: 203.0.113.9", b"Forwarded: for=203.0.113.7"),
    _one("one against the other", b"X-Forwarded-For: 203.0.113.9", b"Forwarded: for=192.0.2.1"),
    _one("nonsense of a proxy", b"X-Forwarded-For: what, else"),
    _one("no body", b"Content-Length: 0"),
    _one("no body at length", b"Content-Length: 00"),
    _one("an upgrade", b"Connection: upgrade", b"Upgrade: h2c"),
    _one("another upgrade", b"Connection: Upgrade", b"Upgrade: websocket"),
    _one("unknown connection options", b"Connection: closed, close;q=1"),
    Case("100-continue", get(PIXEL, b"Expect: 100-continue"), (100, 200), 1),
    _one("an expectation", b"Expect: wonders", status=417),
    Case("one after the other", get() + get(LINK) + get(NOBODY) + get(), (200, 302, 200, 200), 3),
    Case("many", get(NOBODY) * 100 + get(), (200,) * 101, 1),
    Case("close", get(PIXEL, CLOSE) + get(), (200,), 1),
    Case("close among others", get(PIXEL, b"Connection: x, Close ,y") + get(), (200,), 1),
    Case("close after all", get(PIXEL, KEEP, CLOSE) + get(), (200,), 1),
    Case("a proxy's close", get(PIXEL, b"Proxy-Connection: close") + get(), (200,), 1),
    Case("keep", get(PIXEL, KEEP) + get(), (200, 200), 2),
    Case("HTTP/1.0", get(version=b"1.0") + get(), (200,), 1),
    Case("HTTP/1.0 without host", get(version=b"1.0", host=None), (200,), 1),
    Case("HTTP/1.0 kept", get(PIXEL, KEEP, version=b"1.0") + get(), (200, 200), 2),
    Case("HTTP/1.0 to a link", get(LINK, version=b"1.0"), (302,), 1),
    Case("HTTP/1.0 head", get(version=b"1.0", method=b"HEAD"), (200,), 1),
    Case("elsewhere between", get() + get(b"/nobody") + get() + get(LINK), (200, 404, 200, 302), 3),
    Case("half a head", get() + get()[:-2], (200,), 1),
)

REFUSED = (
    _bad("no host", get(host=None)),
    _bad("two hosts", get(PIXEL, b"Host: other.example")),
    _bad("two agents", get(PIXEL, b"User-Agent: a", b"user-agent: b")),
    _bad("bare LF", get().replace(b"\r\n", b"\n")),
    _bad("one bare LF", get(PIXEL, b"X: y\nZ: a")),
    _bad("a bare LF at the end", get()[:-2] + b"\n"),
    _bad("bare CR", get(PIXEL, b"X: y\rZ: a")),
    _bad("NUL", get(PIXEL, b"X: y\0z")),
    _bad("NUL in the target", get(b"/o/\0.gif")),
    _bad("a control character", get(PIXEL, b"X: y\x01z")),
    _bad("DEL", get(PIXEL, b"X: y\x7fz")),
    _bad("a folded header", get(PIXEL, b"X: y\r\n z")),
    _bad("a header folded with a tab", get(PIXEL, b"X: y\r\n\tz")),
    _bad("a folded first header", get(PIXEL, b" X: y", host=None)),
    _bad("space before the colon", get(PIXEL, b"X : y")),
    _bad("no colon", get(PIXEL, b"Xy")),
    _bad("no name", get(PIXEL, b": y")),
    _bad("an odd name", get(PIXEL, b"X(a): y")),
    _bad("a name that is no ASCII", get(PIXEL, b"X\xe9: y")),
    _bad("HTTP/0.9", b"GET " + PIXEL + b"\r\n\r\n"),
    _bad("HTTP/0.9 by name", get(version=b"0.9")),
    _bad("HTTP/2.0", get(version=b"2.0")),
    _bad("HTTP/1.2", get(version=b"1.2")),
    _bad("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    _bad("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 64),
    _bad("lower case", get().replace(b"HTTP", b"http")),
    _bad("space after the version", get(version=b"1.1 ")),
    _bad("a tab for a space", get().replace(b"GET ", b"GET\t")),
    _bad("space in the target", get(b"/o/x y.gif")),
    _bad("a target that is no ASCII", get(b"/o/\xc3\xa9.gif")),
    _bad("length and chunks", get(LINK, b"Content-Length: 5", b"Transfer-Encoding: chunked")),
    _bad("chunks and length", get(PIXEL, b"Transfer-Encoding: chunked", b"Content-Length: 0")),
    _bad("two lengths", get(PIXEL, b"Content-Length: 1", b"Content-Length: 2") + b"ab"),
    _bad("the same length twice", get(PIXEL, b"Content-Length: 0", b"Content-Length: 0")),
    _bad("a list of lengths", get(PIXEL, b"Content-Length: 0, 0")),
    _bad("a signed length", get(PIXEL, b"Content-Length: +0")),
    _bad("an empty length", get(PIXEL, b"Content-Length: ")),
    _bad("an endless length", get(PIXEL, b"Content-Length: " + b"9" * 30)),
    _bad("a length", get(PIXEL, b"Content-Length: 5") + b"abcde" + get()),
    _bad("a length in HTTP/1.0", get(PIXEL, b"Content-Length: 5", version=b"1.0") + b"abcde"),
    _bad("a length for a head", get(PIXEL, b"Content-Length: 5", method=b"HEAD")),
    _bad("a long body", get(LINK, b"Content-Length: 20000") + b"a" * 20000),
    _bad("chunks", get(LINK, b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n"),
    _bad(
        "a chunk extension",
        get(PIXEL, b"Transfer-Encoding: chunked") + b"3;\na\r\nabc\r\n0\r\n\r\n",
    ),
    _bad("chunks in HTTP/1.0", get(PIXEL, b"Transfer-Encoding: chunked", version=b"1.0")),
    _bad("another encoding", get(PIXEL, b"Transfer-Encoding: identity")),
    _bad("nearly chunks", get(PIXEL, b"Transfer-Encoding: xchunked")),
    _bad("two encodings", get(PIXEL, *[b"Transfer-Encoding: chunked"] * 2)),
    _bad("129 headers", get(PIXEL, *[b"X: y"] * 128)),
    _bad("a line of 9 KiB", get(PIXEL, b"X: " + b"y" * 9 * 1024)),
    _bad("a target of 9 KiB", get(PIXEL + b"?" + b"y" * 9 * 1024)),
    _bad("a byte too long", get(PIXEL, b"X: " + b"y" * (8192 - len(get()) - 4))),
    _bad("too long and never whole", get(PIXEL, b"X: " + b"y" * 9 * 1024)[:-2]),
    _bad("nonsense", b"nonsense\r\n\r\n"),
    Case("nonsense after a hit", get() + b"nonsense\r\n\r\n" + get(), (200, 400), 1),
    Case("NUL after a hit", get() + get(PIXEL, b"X: \0") + get(), (200, 400), 1),
    Case("a body after a hit", get() + get(PIXEL, b"Content-Length: 1") + b"a", (200, 400), 1),
)
