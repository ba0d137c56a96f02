"""Pixel and link without their HTTP: a token and a hit in, a complete answer out. Every front end calls these."""

from typing import Final, Protocol

from schemas import token
from schemas.errors import BadToken
from schemas.token import KeyRing, Purpose
from services.tracker import answers, targets
from services.tracker.answers import Answer
from services.tracker.books import Books, Pending
from services.tracker.hits import Hit
from services.tracker.metrics import Kind, KindTally, Metrics, Outcome, Reason
from services.tracker.mint import Mint

# Looking a member up in its class costs as much as a call.
_OPEN: Final = Purpose.OPEN
_CLICK: Final = Purpose.CLICK
_RECORDED: Final = Outcome.RECORDED
_NOT_RECORDED: Final = Outcome.NOT_RECORDED


class Asker(Protocol):
    """Who is told the answer."""

    def answer(self, answer: Answer) -> None:
        """Take the answer; called once, in the event loop, must not raise and not block."""
        ...


class Doors:
    """Verifies, has the hit recorded and decides the answer.

    Each call is answered exactly once: at once, or when the event is safe. An asker that has gone by then changes
    nothing for the event.
    """

    def __init__(self, ring: KeyRing, books: Books, mint: Mint, metrics: Metrics) -> None:
        self._ring: Final = ring
        self._books: Final = books
        self._mint: Final = mint
        self._metrics: Final = metrics
        self._opens: Final = metrics.of(Kind.OPEN)
        self._clicks: Final = metrics.of(Kind.CLICK)

    def pixel(self, text: str, hit: Hit, asker: Asker) -> None:
        """Answer for a pixel: 200 if its open is safe or there was nothing to record, else 503."""
        self._opens.received += 1
        try:
            seen = token.see(self._ring, _OPEN, text)
        except BadToken as error:
            self._metrics.refuse(Kind.OPEN, error.fault)
            asker.answer(answers.PIXEL_NOT_RECORDED)
            return
        self._books.record(seen, hit, self._mint.opened, _Pixel(self._opens, asker))

    def click(self, text: str, hit: Hit, asker: Asker) -> None:
        """Answer for a link: redirect to its target, recorded or not; a page if there is no such link."""
        self._clicks.received += 1
        try:
            seen = token.see(self._ring, _CLICK, text)
        except BadToken as error:
            self._metrics.refuse(Kind.CLICK, error.fault)
            asker.answer(answers.NO_SUCH_LINK)
            return
        location = targets.location(seen.url or "")
        if location is None:
            self._metrics.refuse(Kind.CLICK, Reason.TARGET)
            asker.answer(answers.NO_SUCH_LINK)
            return
        pending = _Link(self._clicks, asker, location)
        self._books.record(seen, hit, self._mint.clicked, pending)

    def refuse_body(self, kind: Kind) -> None:
        """Count a request that came with a body, which no door reads."""
        self._metrics.of(kind).received += 1
        self._metrics.refuse(kind, Reason.BODY)


class _Pixel(Pending):
    __slots__ = ("_asker",)

    def __init__(self, tally: KindTally, asker: Asker) -> None:
        self.tally = tally
        self._asker = asker

    def tell(self, outcome: Outcome) -> None:
        if outcome is _RECORDED:
            self._asker.answer(answers.PIXEL_RECORDED)
        elif outcome is _NOT_RECORDED:
            self._asker.answer(answers.PIXEL_NOT_RECORDED)
        else:
            self._asker.answer(answers.PIXEL_UNAVAILABLE)


class _Link(Pending):
    __slots__ = ("_asker", "_location")

    def __init__(self, tally: KindTally, asker: Asker, location: str) -> None:
        self.tally = tally
        self._asker = asker
        self._location = location

    def tell(self, outcome: Outcome) -> None:
        recorded = outcome is _RECORDED
        self._asker.answer(answers.redirect(self._location, recorded=recorded))
