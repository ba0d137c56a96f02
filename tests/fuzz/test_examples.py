"""What the fuzzer found once, and what it begins with, holds to the laws; and the laws can be broken."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.http_exceptions import HttpProcessingError

from schemas import token
from schemas.token import KeyRing, Purpose, Seen
from services.tracker.front.blocks import CLOSE
from services.tracker.front.heads import HeadReader, Request, Verdict
from tests.fuzz import heads, html, tokens
from tests.fuzz.__main__ import main

SOUND = HeadReader().read
PLAIN = b"GET /o/A.gif HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = PLAIN[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
# where it is cut, by its checksum, its end has begun
WAITING = PLAIN[:-4] + b"73\r\n\r\n"
SMUGGLED = CHUNKED[:-2] + b"Content-Length: 40\r\n\r\n"
OPEN = bytes([tokens._AS_IT_IS << 4]) + tokens._GOLDEN[0]["token"].encode()


@pytest.mark.parametrize("data", heads.seeds().values(), ids=heads.seeds())
def test_heads(data: bytes) -> None:
    heads.check(data)


@pytest.mark.parametrize("data", tokens.seeds().values(), ids=tokens.seeds())
def test_tokens(data: bytes) -> None:
    tokens.check(data)


@pytest.mark.parametrize("data", html.seeds().values(), ids=html.seeds())
def test_html(data: bytes) -> None:
    html.check(data)


def _changed(**fields: Any) -> heads.Read:
    def read(buffer: bytes, at: int, seen: int) -> Request | Verdict:
        request = SOUND(buffer, at, seen)
        return request._replace(**fields) if isinstance(request, Request) else request

    return read


def _short(buffer: bytes, at: int, seen: int) -> Request | Verdict:
    request = SOUND(buffer, at, seen)
    return request._replace(end=request.end - 1) if isinstance(request, Request) else request


def _deaf(buffer: bytes, at: int, seen: int) -> Request | Verdict:
    return SOUND(buffer.replace(b"Content-Length", b"Content_Length"), at, seen)


def _always(verdict: Verdict) -> heads.Read:
    return lambda buffer, at, seen: verdict


def _forgetful() -> heads.Read:
    verdicts = iter([Verdict.UNFINISHED, Verdict.FOREIGN])
    return lambda buffer, at, seen: next(verdicts)


def _impatient(buffer: bytes, at: int, seen: int) -> Request | Verdict:
    verdict = SOUND(buffer, at, seen)
    return Verdict.MALFORMED if verdict is Verdict.UNFINISHED else verdict


def _hasty(buffer: bytes, at: int, seen: int) -> Request | Verdict:
    return SOUND(buffer, at, seen + 4 if seen else 0)


@pytest.mark.parametrize(
    ("data", "read", "law"),
    [
        (PLAIN, _forgetful(), "read twice"),
        (PLAIN, _impatient, "more bytes changed"),
        (PLAIN, _always(Verdict.MALFORMED), "aiohttp accepts it"),
        (PLAIN, _always(Verdict.UNFINISHED), "an end where we find none"),
        (WAITING, _hasty, "when it goes on"),
        (PLAIN, _short, "the end is another"),
        (CHUNKED, _changed(body=False), "wrong about a body"),
        (PLAIN, _changed(body=True), "wrong about a body"),
        (PLAIN, _changed(form=CLOSE), "goes on, or not"),
        (PLAIN, _changed(token="B"), "another path"),
        (PLAIN, _changed(told=("a", *[None] * 5)), "something else"),
        (PLAIN, _changed(headers={b"forwarded": b"for=192.0.2.1"}), "another way"),
    ],
)
def test_a_reader_that_is_wrong_is_caught(data: bytes, read: heads.Read, law: str) -> None:
    heads.judge(data, SOUND)
    with pytest.raises(AssertionError, match=law):
        heads.judge(data, read)


def test_a_reader_that_accepts_what_aiohttp_refuses_is_caught() -> None:
    heads.judge(SMUGGLED, SOUND)
    with pytest.raises(HttpProcessingError):
        heads.judge(SMUGGLED, _deaf)


def _anything(change: Callable[[str], str]) -> tokens.See:
    def see(ring: KeyRing, purpose: Purpose, text: str) -> Seen:
        return token.see(ring, purpose, change(text))

    return see


def test_a_token_read_in_two_spellings_is_caught() -> None:
    tokens.check(OPEN + b"=")
    with pytest.raises(AssertionError):
        tokens.check(OPEN + b"=", _anything(lambda text: text.rstrip("=")))
    with pytest.raises(ValueError, match="no token"):
        tokens.check(OPEN, _anything(_raising))


def _raising(text: str) -> str:
    raise ValueError("no token")


def test_without_the_fuzzer_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    assert main(["heads"]) == 2
    assert capsys.readouterr().err.startswith("atheris is not installed")
