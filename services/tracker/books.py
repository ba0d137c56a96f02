"""What becomes of a hit that is valid: its event is made safe where it is to be, and the outcome counted."""

from typing import Final

from schemas.events import Hit as HitEvent
from schemas.token import Claim
from services.runtime.clock import Clock
from services.tracker import hits
from services.tracker.hits import Hit
from services.tracker.metrics import Kind, Metrics, Outcome
from services.tracker.recorder import Recorder


class Books:
    """Offers hits to the recorder and keeps the account of them."""

    def __init__(self, recorder: Recorder, clock: Clock, metrics: Metrics) -> None:
        self._recorder: Final = recorder
        self._clock: Final = clock
        self._metrics: Final = metrics

    async def record(self, kind: Kind, claim: Claim, hit: Hit, event: HitEvent) -> Outcome:
        """Return what became of the hit, counted; within the publisher's deadline."""
        outcome = Outcome.ABANDONED  # stays so when the server gives up waiting
        try:
            outcome = await self.offer(claim, hit, event)
        finally:
            self._metrics.settle(kind, outcome)
        return outcome

    async def offer(self, claim: Claim, hit: Hit, event: HitEvent) -> Outcome:
        """Return what became of the hit, which the caller counts."""
        if not claim.recorded:
            return Outcome.NOT_RECORDED
        begun = self._clock.monotonic()
        parent = hits.traceparent(hit.traceparent)
        if not await self._recorder.record(claim.tenant, event, parent):
            return Outcome.UNAVAILABLE
        self._metrics.publish_seconds.observe(self._clock.monotonic() - begun)
        return Outcome.RECORDED
