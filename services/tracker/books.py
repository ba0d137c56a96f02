"""What becomes of a hit whose token is valid: judged, made safe, and its outcome counted once."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from schemas.identity import RecipientRef, Tenant
from schemas.token import Mode, Seen
from services.tracker.entry import Entry, Journaling, Where
from services.tracker.hits import Hit
from services.tracker.metrics import Kind, KindTally, Metrics, NotRecorded, Outcome
from services.tracker.refusals.table import Verdict

# Looking a member up in its class costs as much as a call.
_FULL: Final = Mode.FULL
_KAFKA: Final = Where.KAFKA
_SPOOL: Final = Where.SPOOL
_RECORDED: Final = Outcome.RECORDED
_WHY: Final = {
    Verdict.REFUSED: NotRecorded.REFUSED,
    Verdict.ENGAGEMENT_OFF: NotRecorded.ENGAGEMENT_OFF,
}


class Refusing(Protocol):
    """What the books ask of the settings."""

    @property
    def known(self) -> bool:
        """Whether settings were read at all; while not, hits are judged before they are produced."""
        ...

    def judge(self, tenant: Tenant, refs: Iterable[RecipientRef]) -> Verdict | None:
        """Return why hits of these recipients are not to be recorded, or None."""
        ...


class Pending(ABC):
    """A hit under way: the journal settles it, it is counted, and what is to be answered is told.

    One is made for each hit, so it is the waiter itself.
    """

    __slots__ = ("tally",)

    tally: KindTally

    def settle(self, where: Where) -> None:
        """Count where the event is safe, and answer."""
        if where is _KAFKA:
            self.tally.kafka += 1
            self.tell(_RECORDED)
        elif where is _SPOOL:
            self.tally.spool += 1
            self.tell(_RECORDED)
        else:
            self.tally.unavailable += 1
            self.tell(Outcome.UNAVAILABLE)

    @abstractmethod
    def tell(self, outcome: Outcome) -> None:
        """Answer whoever asked: RECORDED, NOT_RECORDED or UNAVAILABLE."""


class Books:
    """Offers hits to the journal and keeps the account of them."""

    def __init__(self, journal: Journaling, refusals: Refusing, metrics: Metrics) -> None:
        self._journal: Final = journal
        self._refusals: Final = refusals
        self._metrics: Final = metrics

    def record(
        self, seen: Seen, hit: Hit, mint: Callable[[Seen, Hit], Entry], pending: Pending
    ) -> None:
        """Tell `pending` what became of the hit, at once or when it is safe; counted either way."""
        if seen.mode != _FULL:
            pending.tally.not_recorded[NotRecorded.MODE] += 1
            pending.tell(Outcome.NOT_RECORDED)
            return
        verdict = self._refusals.judge(seen.tenant, seen.refs)
        if verdict is not None:
            pending.tally.not_recorded[_WHY[verdict]] += 1
            pending.tell(Outcome.NOT_RECORDED)
            return
        self._journal.write(mint(seen, hit), pending, filtered=self._refusals.known)

    async def recorded(
        self, kind: Kind, seen: Seen, hit: Hit, mint: Callable[[Seen, Hit], Entry]
    ) -> Outcome:
        """Do the same for a caller that waits; one that gives up waiting changes nothing."""
        pending = _Awaited(self._metrics.of(kind))
        self.record(seen, hit, mint, pending)
        return await pending.outcome


class _Awaited(Pending):
    """A hit whose asker awaits the outcome."""

    __slots__ = ("outcome",)

    def __init__(self, tally: KindTally) -> None:
        self.tally = tally
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def tell(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)
