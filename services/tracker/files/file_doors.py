"""Followed files and hosted pictures without their HTTP: a token, a hit and conditions in, what to send out.

A view counts when the file is given, wholly, in part, or as "you have it already" (304): also then somebody opened it
again. It is recorded once the store gave its first bytes and before any is sent, so a view never stands for a file
that could not be had, and the answer's head can say whether it is safe. A picture is never recorded.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final, NamedTuple

from schemas import token
from schemas.errors import BadToken
from schemas.files import FileKind, StoredFile
from schemas.instant import SECOND, Instant
from schemas.token import Claim, KeyRing, Purpose, Seen
from services.runtime.clock import Clock
from services.runtime.errors import Poison, Transient
from services.runtime.objects import NoSuchObject
from services.tracker import answers
from services.tracker.answers import Answer, Presented
from services.tracker.books import Books
from services.tracker.files import conditions, disposition, media
from services.tracker.files.conditions import Conditions, Due, Validators
from services.tracker.files.shelf import Shelf
from services.tracker.hits import Hit
from services.tracker.metrics import Kind, KindTally, Metrics, NotRecorded, Outcome, Reason
from services.tracker.mint import Mint

# A mail program and its proxy show a picture again and again; within a day it is asked for once.
PICTURE_SECONDS: Final = 86_400
# Kept, but asked about each time: a file opened again is a view, and a withdrawn one is not shown again.
_FILE_CACHE: Final = "private, no-cache, no-transform"


class Download(NamedTuple):
    """A file on its way: its head, its first bytes, and the rest to be fetched while it goes out."""

    kind: Kind
    status: int
    headers: tuple[tuple[str, str], ...]
    first: bytes
    rest: AsyncGenerator[bytes, None] | None


@dataclass(slots=True, kw_only=True)
class _Asking:
    kind: Kind
    seen: Seen
    claim: Claim
    hit: Hit
    conditions: Conditions
    offered: bool = False
    """Whether the books have it, which then count it even when nobody waits for the answer any more."""

    @property
    def stored_as(self) -> FileKind:
        return FileKind.ATTACHMENT if self.kind is Kind.ATTACHMENT else FileKind.PICTURE


class _Ending(NamedTuple):
    answer: Answer | Download
    became: Outcome | Reason


_ABANDONED: Final = _Ending(answers.FILE_UNAVAILABLE, Outcome.ABANDONED)
_UNSERVED: Final = _Ending(answers.FILE_UNAVAILABLE, Outcome.UNSERVED)
_GONE: Final = _Ending(answers.FILE_GONE, Reason.GONE)
_DAMAGED: Final = _Ending(answers.NO_SUCH_FILE, Reason.DAMAGED_FILE)
_UNKNOWN: Final = _Ending(answers.NO_SUCH_FILE, Reason.UNKNOWN_FILE)
_NO_PICTURE: Final = _Ending(answers.NO_SUCH_FILE, Reason.TYPE)


def presented(kind: Kind, file: StoredFile, now: Instant) -> Presented | None:
    """Decide how a file is presented; None where it is no picture that may be shown."""
    if kind is Kind.ATTACHMENT:
        saved_as = disposition.attachment(file.name)
        return Presented(media.served(file.content_type), saved_as, _FILE_CACHE, "same-origin")
    shown = media.shown(file.content_type)
    if shown is None:
        return None
    fresh = PICTURE_SECONDS
    if file.expires_at is not None:
        fresh = max(0, min(fresh, (file.expires_at - now) // SECOND))
    cache = f"public, max-age={fresh}, no-transform"
    return Presented(shown, disposition.inline(file.name), cache, "cross-origin")


class FileDoors:
    """Verifies, finds, records and decides the answer."""

    def __init__(
        self, ring: KeyRing, books: Books, mint: Mint, shelf: Shelf, clock: Clock, metrics: Metrics
    ) -> None:
        self._ring: Final = ring
        self._books: Final = books
        self._shelf: Final = shelf
        self._clock: Final = clock
        self._metrics: Final = metrics
        self._mint: Final = mint

    async def attachment(self, text: str, hit: Hit, asked: Conditions) -> Answer | Download:
        """Answer for a followed file: the file, recorded or not; a page where it cannot be given."""
        return await self._serve(Kind.ATTACHMENT, Purpose.ATTACHMENT, text, hit, asked)

    async def picture(self, text: str, hit: Hit, asked: Conditions) -> Answer | Download:
        """Answer for a hosted picture: the picture, never recorded; a page where it cannot be given."""
        return await self._serve(Kind.PICTURE, Purpose.PICTURE, text, hit, asked)

    async def _serve(
        self, kind: Kind, purpose: Purpose, text: str, hit: Hit, asked: Conditions
    ) -> Answer | Download:
        tally = self._metrics.of(kind)
        tally.received += 1
        try:
            seen = token.see(self._ring, purpose, text)
        except BadToken as error:
            self._metrics.refuse(kind, error.fault)
            return answers.NO_SUCH_FILE
        self._metrics.finding += 1
        asking = _Asking(kind=kind, seen=seen, claim=token.claim(seen), hit=hit, conditions=asked)
        ending = _ABANDONED  # stays so when the server gives up waiting
        try:
            ending = await self._answer(asking)
        except Transient:
            ending = _UNSERVED
        finally:
            if not asking.offered:
                self._metrics.finding -= 1
                _count(tally, ending.became)
        return ending.answer

    async def _answer(self, asking: _Asking) -> _Ending:
        try:
            file = await self._shelf.find(asking.claim, asking.stored_as)
        except Poison:
            return _DAMAGED
        now = Instant(self._clock.now())
        if file is None:
            return _UNKNOWN
        if file.gone(now):
            return _GONE
        how = presented(asking.kind, file, now)
        if how is None:
            return _NO_PICTURE
        content = conditions.validators(file.digest, file.stored_at)
        due = conditions.due(asking.hit.method, asking.conditions, content, file.size)
        if due.status == 416:
            return _Ending(answers.no_such_range(file.size), Reason.RANGE)
        first, rest = b"", None
        if asking.hit.method == "GET" and due.window.end:
            rest = self._shelf.content(asking.claim, asking.stored_as, *due.window)
            try:
                first = await anext(rest)
            except NoSuchObject:
                return await self._missed(asking)
        became = await self._offer(asking)
        headers = _headers(how, content, due, file.size, became)
        if due.status == 304:
            return _Ending(Answer(304, headers, b""), became)
        return _Ending(Download(asking.kind, due.status, headers, first, rest), became)

    async def _missed(self, asking: _Asking) -> _Ending:
        """Say why there is no content: most likely it was withdrawn since its metadata was read."""
        self._shelf.forget(asking.claim, asking.stored_as)
        file = await self._shelf.find(asking.claim, asking.stored_as)
        if file is None or file.gone(Instant(self._clock.now())):
            return _GONE
        return _UNSERVED

    async def _offer(self, asking: _Asking) -> Outcome:
        if asking.kind is Kind.PICTURE:
            return Outcome.NOT_RECORDED
        self._metrics.finding -= 1
        asking.offered = True
        return await self._books.recorded(asking.kind, asking.seen, asking.hit, self._mint.viewed)


def _count(tally: KindTally, became: Outcome | Reason) -> None:
    """Count a hit that was not offered to the books."""
    if isinstance(became, Reason):
        tally.refused[became] += 1
    elif became is Outcome.UNSERVED:
        tally.unserved += 1
    elif became is Outcome.ABANDONED:
        tally.abandoned += 1
    else:
        tally.not_recorded[NotRecorded.PICTURE] += 1


def _headers(
    how: Presented, content: Validators, due: Due, size: int, became: Outcome
) -> tuple[tuple[str, str], ...]:
    headers = answers.file_headers(how, content, recorded=became is Outcome.RECORDED)
    if due.status == 304:
        return headers
    headers = (*headers, ("Content-Length", str(due.window.end - due.window.start)))
    if due.status == 206:
        headers = (*headers, ("Content-Range", due.window.content_range(size)))
    return headers
