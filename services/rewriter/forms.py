"""The forms in which the mail doors answer: JSON, the one copy as a mail, or all copies in one `multipart/mixed`.

Copies of a mail that came as MIME are made while the answer is written, one at a time, so that a mail of 25 MB does not
stand in memory once for each recipient.
"""

import asyncio
import codecs
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from functools import partial
from typing import Final, TypeVar

import orjson
from aiohttp import web

from services.rewriter import answer, compose
from services.rewriter.calls import JSON
from services.rewriter.copies import Rendition, renditions
from services.rewriter.instrument import Prepared
from services.rewriter.mime import Copy, mixed, steps
from services.runtime.problem import Problem, Slug
from services.runtime.web import answer as answered
from services.runtime.web import answer_written

MIME: Final = "message/rfc822"
MIXED: Final = "multipart/mixed"
FORMS: Final = (JSON, MIME, MIXED)
# A multiple of three, so that pieces of base64 join.
_PIECE_BYTES: Final = 192 * 1024

T = TypeVar("T")
Answer = Callable[[int], Awaitable[web.Response]]
"""Writes the answer under a status."""


def check(form: str, prepared: Prepared) -> None:
    """Raise `Problem` 406 where one mail is wanted and there are several copies."""
    if form == MIME and prepared.count > 1:
        raise Problem(
            Slug.NOT_ACCEPTABLE,
            f"The mail becomes {prepared.count} copies, and {MIME} can hold one: accept {MIXED} or {JSON}, "
            'or ask for one shared copy (renditions: "message").',
        )


async def rehearse(form: str, prepared: Prepared) -> Answer:
    """Make what can be made before anything is stored: all copies of a mail in fields, else the first one as a mail.

    What would fail fails here, with nothing half done. The answer of a mail without files is made as a whole, so that
    while Kafka is waited for nothing else of the mail is held.
    """
    if form == JSON and prepared.mail.document is None:
        made = await _all(prepared)
        if prepared.mail.attachments:
            return partial(_fields, prepared, made)
        return partial(_whole, orjson.dumps(answer.write(prepared, made)))
    return partial(_mails, form, prepared, await _raw(prepared, next(renditions(prepared))))


async def _whole(written: bytes, status: int) -> web.Response:
    return answer_written(written, status)


async def _fields(prepared: Prepared, made: list[Rendition], status: int) -> web.Response:
    return answered(answer.write(prepared, made), status)


async def _mails(form: str, prepared: Prepared, first: bytes, status: int) -> web.Response:
    if form == MIME:
        return _response(_pieces(first), MIME, status, _told(prepared))
    if form == MIXED:
        return await _mixed(prepared, status, first)
    return _response(_json(prepared, first), JSON, status)


async def paced(generator: Generator[None, None, T]) -> T:
    """Take the steps of something long, letting others have the loop between them."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            result: T = end.value
            return result
        await asyncio.sleep(0)


async def _all(prepared: Prepared) -> list[Rendition]:
    """Make all copies, letting others have the loop between them: there may be hundreds."""
    made: list[Rendition] = []
    copies = renditions(prepared)
    while (one := next(copies, None)) is not None:
        made.append(one)
        if len(made) < prepared.count:
            await asyncio.sleep(0)
    return made


async def _raw(prepared: Prepared, copy: Rendition) -> bytes:
    document = prepared.mail.document
    if document is not None and copy.changes is not None:
        return await paced(steps.writing(document, copy.changes))
    return await asyncio.to_thread(compose.build, prepared, copy, answer.headers(prepared, copy))


def _told(prepared: Prepared) -> dict[str, str]:
    """What stands in the headers of an answer that is a mail or several; the whole outcome is JSON."""
    reason, warnings = prepared.decision.reason, answer.warnings(prepared)
    told = {
        "Inkling-Message-Id": str(prepared.message_id),
        "Inkling-Followed": _yes(prepared.decision.followed),
        "Inkling-Reason": None if reason is None else reason.value,
        "Inkling-Warnings": ", ".join(warnings),
    }
    return {name: value for name, value in told.items() if value}


async def _mixed(prepared: Prepared, status: int, first: bytes) -> web.Response:
    """Give each copy with its envelope, then the outcome as JSON."""
    copies = []
    for number, one in enumerate(renditions(prepared)):
        headers = [("Inkling-To", ", ".join(one.to)), ("Inkling-Followed", _yes(one.followed))]
        if one.recipient is not None:
            headers.append(("Inkling-Recipient", one.recipient))
        raw = await _raw(prepared, one) if number else first
        copies.append(Copy(raw, headers))
        await asyncio.sleep(0)
    outcome = Copy(orjson.dumps(answer.outcome(prepared)), media=JSON)
    made = await asyncio.to_thread(mixed, [*copies, outcome])
    response = _response(_several(made.pieces), MIXED, status, _told(prepared))
    response.headers["Content-Type"] = made.content_type
    return response


async def _json(prepared: Prepared, first: bytes) -> AsyncIterator[bytes]:
    yield orjson.dumps(answer.outcome(prepared))[:-1] + b',"renditions":['
    for number, one in enumerate(renditions(prepared)):
        raw = await _raw(prepared, one) if number else first
        encoding = await paced(_encoding(raw))
        head = orjson.dumps(
            {**answer.envelope(one), "mime_encoding": encoding},
            option=orjson.OPT_SERIALIZE_DATACLASS,
        )
        yield (b"," if number else b"") + head[:-1] + b',"mime":"'
        for piece in _quoted(raw, encoding):
            yield piece
            await asyncio.sleep(0)
        yield b'"}'
    yield b"]}"


def _encoding(raw: bytes) -> Generator[None, None, str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at in range(0, len(raw), _PIECE_BYTES):
            decoder.decode(raw[at : at + _PIECE_BYTES])
            yield
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "base64"
    return "utf-8"


def _quoted(raw: bytes, encoding: str) -> Iterator[bytes]:
    """Give the inside of a JSON string that holds a mail."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for at in range(0, len(raw), _PIECE_BYTES):
        piece = raw[at : at + _PIECE_BYTES]
        yield (
            b64encode(piece) if encoding == "base64" else orjson.dumps(decoder.decode(piece))[1:-1]
        )


async def _pieces(raw: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(raw), _PIECE_BYTES):
        yield raw[at : at + _PIECE_BYTES]


async def _several(pieces: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    for one in pieces:
        async for piece in _pieces(one):
            yield piece


def _response(
    body: AsyncIterator[bytes], media: str, status: int, headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(body=body, status=status, content_type=media, headers=headers)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
