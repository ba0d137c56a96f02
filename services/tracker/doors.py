"""Pixel and link without their HTTP: a token and a hit in, a complete answer out. Every front end calls these."""

from typing import Final

from schemas import token
from schemas.errors import BadToken
from schemas.token import KeyRing, Purpose
from services.tracker import answers, hits, targets
from services.tracker.answers import Answer
from services.tracker.books import Books
from services.tracker.hits import Hit
from services.tracker.metrics import Kind, Metrics, Outcome, Reason


class Doors:
    """Verifies, records and decides the answer."""

    def __init__(self, ring: KeyRing, books: Books, metrics: Metrics, edge: str) -> None:
        self._ring: Final = ring
        self._books: Final = books
        self._metrics: Final = metrics
        self._edge: Final = edge

    async def pixel(self, text: str, hit: Hit) -> Answer:
        """Answer for a pixel: 200 if its open is safe or there was nothing to record, else 503."""
        self._metrics.receive(Kind.OPEN)
        try:
            claim = token.read(self._ring, Purpose.OPEN, text)
        except BadToken as error:
            self._metrics.refuse(Kind.OPEN, error.fault)
            return answers.PIXEL_NOT_RECORDED
        match await self._books.record(Kind.OPEN, claim, hit, hits.opened(claim, hit, self._edge)):
            case Outcome.RECORDED:
                return answers.PIXEL_RECORDED
            case Outcome.NOT_RECORDED:
                return answers.PIXEL_NOT_RECORDED
            case _:
                return answers.PIXEL_UNAVAILABLE

    async def click(self, text: str, hit: Hit) -> Answer:
        """Answer for a link: redirect to its target, recorded or not; a page if there is no such link."""
        self._metrics.receive(Kind.CLICK)
        try:
            claim = token.read(self._ring, Purpose.CLICK, text)
        except BadToken as error:
            self._metrics.refuse(Kind.CLICK, error.fault)
            return answers.NO_SUCH_LINK
        location = targets.location(claim.url or "")
        if location is None:
            self._metrics.refuse(Kind.CLICK, Reason.TARGET)
            return answers.NO_SUCH_LINK
        event = hits.clicked(claim, hit, self._edge)
        outcome = await self._books.record(Kind.CLICK, claim, hit, event)
        return answers.redirect(location, recorded=outcome is Outcome.RECORDED)

    def refuse_body(self, kind: Kind) -> None:
        """Count a request that came with a body, which neither door reads."""
        self._metrics.receive(kind)
        self._metrics.refuse(kind, Reason.BODY)
