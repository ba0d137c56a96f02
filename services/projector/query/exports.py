"""A whole list as one stream: CSV or NDJSON, in one snapshot, at the memory of a batch.

A cursor of the server hands out batches while the client takes them. A client that goes away or takes nothing for
`WRITE_SECONDS` ends the query, and so does `EXPORT_SECONDS`. What goes wrong on the way cuts the connection before the
last chunk, so that half a list is never taken for a whole one.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import web

from schemas.instant import Instant
from services.projector.query import shapes, sheet
from services.projector.query.failures import Count, Reason, problem, told
from services.projector.query.filters import MessageFilter
from services.projector.query.forms import Form
from services.projector.query.lists import QUERIES, shaped, told_conditions
from services.projector.query.paging import Conditions, Statement, with_key, without_key
from services.projector.query.parameters import PageOf
from services.projector.query.scope import Scope
from services.projector.query.selection import add_found, find_rare
from services.projector.query.shapes import Shape
from services.projector.query.standing import Standing, stand
from services.runtime.postgres import Connection, Pool, Row

BATCH: Final = 500
# A snapshot that is held keeps the database from tidying up.
EXPORT_SECONDS: Final = 600.0
WRITE_SECONDS: Final = 30.0
# One sort of everything; a batch takes milliseconds.
_STATEMENT_SECONDS: Final = 60.0
_EVERYTHING: Final = 10**12
# At once, in one process: lists need the other connections of the pool.
AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What is to be exported, for whom, from where on, and how many rows where not all."""

    scope: Scope
    wanted: MessageFilter
    page_of: PageOf
    form: Form
    most: int | None
    now: Instant


class Exports:
    """The exports that run now; one too many is told when to come back."""

    def __init__(self, pool: Pool, count: Count) -> None:
        self._pool = pool
        self._count = count
        self._running = 0

    async def send(self, request: web.Request, export: Export) -> web.StreamResponse:
        """Answer with the whole list."""
        if self._running >= AT_ONCE:
            self._count(Reason.EXPORTS_BUSY)
            raise problem(Reason.EXPORTS_BUSY)
        self._running += 1
        try:
            async with _snapshot(self._pool, export.scope, self._count) as connection:
                standing = await stand(connection, export.scope)
                return await _stream(request, connection, export, standing)
        finally:
            self._running -= 1


@asynccontextmanager
async def _snapshot(pool: Pool, scope: Scope, count: Count) -> AsyncIterator[Connection]:
    limits = {
        "statement_timeout": _milliseconds(_STATEMENT_SECONDS),
        "idle_in_transaction_session_timeout": _milliseconds(WRITE_SECONDS + 5),
    }
    settings = {**scope.settings(), **limits}
    with told(count):
        async with (
            asyncio.timeout(EXPORT_SECONDS),
            pool.acquire() as connection,
            connection.transaction(settings, readonly=True, isolation="repeatable_read"),
        ):
            yield connection


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))


async def _stream(
    request: web.Request, connection: Connection, export: Export, standing: Standing
) -> web.StreamResponse:
    if request.method == "HEAD":
        return web.Response(headers=_headers(export.form, standing))
    response = web.StreamResponse(headers=_headers(export.form, standing))
    response.enable_chunked_encoding()
    write = _WRITERS[export.form]

    async def tell(rows: Sequence[Row]) -> None:
        lines = write(shaped(standing, rows, export.now))
        # only now the head, so that a question that fails before is told as such
        await _begin(request, response, export.form)
        await _write(response, lines)

    async with aclosing(_batches(connection, export, standing)) as batches:
        rows = await _next(batches)
        while rows is not None:
            rows = await _meanwhile(batches, tell, rows)
    await _begin(request, response, export.form)
    await response.write_eof()
    return response


Batches = AsyncGenerator[Sequence[Row], None]


async def _next(batches: Batches) -> Sequence[Row] | None:
    return await anext(batches, None)


async def _meanwhile(
    batches: Batches, tell: Callable[[Sequence[Row]], Awaitable[None]], rows: Sequence[Row]
) -> Sequence[Row] | None:
    """Have PostgreSQL read the next batch while the present one is written; no more than the two are held."""
    try:
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(_next(batches))
            await asyncio.sleep(0)  # the question for it leaves before the present one is written
            await tell(rows)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group
    return following.result()


async def _write(response: web.StreamResponse, lines: bytes) -> None:
    try:
        async with asyncio.timeout(WRITE_SECONDS):
            await response.write(lines)
    except TimeoutError as error:
        raise ConnectionResetError("the client takes nothing") from error


async def _begin(request: web.Request, response: web.StreamResponse, form: Form) -> None:
    if response.prepared:
        return
    await response.prepare(request)
    if form is Form.CSV:
        await response.write(sheet.header())


def _headers(form: Form, standing: Standing) -> dict[str, str]:
    as_of = shapes.moment(standing.as_of)
    kind, name = _NAMES[form]
    return {
        "Content-Type": kind,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Inkling-Engagement": "on" if standing.engaged else "off",
        **({} if as_of is None else {"Inkling-As-Of": as_of}),
    }


_NAMES: Final = {
    Form.CSV: ("text/csv; charset=utf-8; header=present", "messages.csv"),
    Form.NDJSON: ("application/x-ndjson; charset=utf-8", "messages.ndjson"),
}


def _lines(messages: Sequence[Shape]) -> bytes:
    return b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in messages)


_WRITERS: Final[dict[Form, Callable[[Sequence[Shape]], bytes]]] = {
    Form.CSV: sheet.rows,
    Form.NDJSON: _lines,
}


async def _batches(connection: Connection, export: Export, standing: Standing) -> Batches:
    conditions = await _conditions(connection, export, standing)
    left = export.most
    for step in _steps(conditions, export, standing):
        async for rows in connection.stream(
            step.text, *step.arguments, batch=BATCH, timeout=_STATEMENT_SECONDS
        ):
            wanted = rows if left is None else rows[:left]
            if wanted:
                yield wanted
            if left is not None:
                left -= len(wanted)


async def _conditions(connection: Connection, export: Export, standing: Standing) -> Conditions:
    conditions = told_conditions(export.scope, standing, export.wanted)
    return add_found(conditions, await find_rare(connection, export.scope, export.wanted))


def _steps(conditions: Conditions, export: Export, standing: Standing) -> list[Statement]:
    """Return the statements whose rows, one after the other, are the list."""
    frame, after = QUERIES["messages"], export.page_of.after
    order = export.page_of.order.told(standing.engaged)
    # a limit, so that what names people is looked up behind the sort and not carried through it
    most = _EVERYTHING if export.most is None else export.most
    steps: list[Statement] = []
    if after is None or after.key is not None:
        steps.append(with_key(frame, conditions, order, after, most))
    if order.nullable:
        steps.append(without_key(frame, conditions, order, after, most))
    return steps
