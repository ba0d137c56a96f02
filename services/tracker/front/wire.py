"""Answers as bytes, byte for byte what aiohttp would send; the usual ones are made once a second, not once a hit."""

from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from services.runtime.problem import CONTENT_TYPE, Problem, Slug
from services.tracker.answers import (
    NO_SUCH_LINK,
    PIXEL_NOT_RECORDED,
    PIXEL_RECORDED,
    PIXEL_UNAVAILABLE,
    RECORDED,
    Answer,
)
from services.tracker.front.blocks import CLOSE, HEAD, OLD

_FORMS: Final = (HEAD | CLOSE | OLD) + 1


def _refusal(detail: str, path: str) -> Answer:
    problem = Problem(Slug.MALFORMED_REQUEST, detail)
    headers = (
        ("Content-Type", CONTENT_TYPE),
        ("Cache-Control", "no-store"),
        (RECORDED, "no"),
        ("Server", "inkling"),
    )
    return Answer(problem.status, headers, problem.body(path))


def body_refused(path: str) -> Answer:
    """Answer to a request that comes with a body; the connection ends with it."""
    return _refusal("This door takes no body.", path)


# what its path is cannot be known
MALFORMED: Final = _refusal("The request cannot be understood.", "/")
"""Answer to what is no request, as HTTP/1.0, since nobody knows which it is; the connection ends with it."""

_CONSTANT: Final = (
    PIXEL_RECORDED,
    PIXEL_NOT_RECORDED,
    PIXEL_UNAVAILABLE,
    NO_SUCH_LINK,
    MALFORMED,
)


class Wire:
    """Writes answers for connections; the date in them is as of the last `tick`."""

    def __init__(self, now: int) -> None:
        self._second = -1
        self._date = ""
        # by identity, for a tuple's hash costs as much as the rest of an answer
        self._constant: Final = {id(answer): answer for answer in _CONSTANT}
        self._ready: Final[list[dict[int, bytes]]] = [{} for _ in range(_FORMS)]
        # of answers that are alike but for their first header
        self._around: Final[dict[tuple[object, ...], tuple[str, str]]] = {}
        self.tick(now)

    def tick(self, now: int) -> None:
        """Tell the time, in microseconds since the epoch; to be called about once a second or more often."""
        second = now // 1_000_000
        if second == self._second:
            return
        self._second = second
        self._date = formatdate(second, usegmt=True)
        for ready in self._ready:
            ready.clear()
        self._around.clear()

    def written(self, answer: Answer, form: int) -> bytes:
        """Return the answer to a request of that form, status line, headers and body."""
        ready = self._ready[form]
        written = ready.get(id(answer))
        if written is None:
            written = self._write(answer, form)
            if id(answer) in self._constant:
                ready[id(answer)] = written
        return written

    def _write(self, answer: Answer, form: int) -> bytes:
        status, headers, body = answer
        # what is new in a redirect is where it leads; the rest is written once a second as well
        first, *rest = headers
        key = (status, *rest, len(body), form)
        around = self._around.get(key)
        if around is None:
            around = self._around[key] = self._write_around(status, rest, len(body), form)
        start, end = around
        head = f"{start}{first[0]}: {first[1]}{end}".encode()
        return head if form & HEAD else head + body

    def _write_around(
        self, status: int, headers: Sequence[tuple[str, str]], length: int, form: int
    ) -> tuple[str, str]:
        """Return a head's part before its first header, and the part behind it."""
        lines = [f"{name}: {value}" for name, value in headers]
        lines += (f"Content-Length: {length}", f"Date: {self._date}")
        if form & CLOSE:
            if not form & OLD:
                lines.append("Connection: close")
        elif form & OLD:
            lines.append("Connection: keep-alive")
        version = "1.0" if form & OLD else "1.1"
        start = f"HTTP/{version} {status} {HTTPStatus(status).phrase}\r\n"
        return start, "\r\n".join(("", *lines, "", ""))
