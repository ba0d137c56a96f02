"""Whose turn it is: how much more of each endpoint a process takes on. Pure.

Each endpoint has a few calls at a time. One that answers quickly may have more claimed for it, so that claiming costs
little; one that does not has no more than it calls, and all slow ones together hold half of what a process takes on.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.alerts.webhooks.kinds import Result

CLAIMED: Final = 256
"""Deliveries that one process has claimed at most; when so many are, nothing is claimed until some are recorded."""

_SLOW_SHARE: Final = CLAIMED // 2
_AHEAD: Final = 32
_QUICK_SECONDS: Final = 0.5
_AT_ONCE: Final = 64
# Beyond so many endpoints what was learned of idle ones is forgotten.
_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class _Lane:
    claimed: int = 0
    quick: bool = False
    slow: bool = False
    paused_until: int = 0


class Lanes:
    """What is known of the endpoints that there is something for."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._lanes: dict[UUID, _Lane] = {}
        # In order of their turn.
        self._hungry: dict[UUID, None] = {}

    @property
    def claimed(self) -> int:
        """Return how many deliveries are claimed and not recorded."""
        return sum(lane.claimed for lane in self._lanes.values())

    def busy(self, webhook: UUID) -> bool:
        """Tell whether anything of an endpoint is claimed."""
        lane = self._lanes.get(webhook)
        return lane is not None and lane.claimed > 0

    def rung(self, webhooks: Collection[UUID]) -> None:
        """Learn that there is something for these endpoints."""
        for webhook in webhooks:
            self._hungry.setdefault(webhook)

    def wanted(self, now: int) -> dict[UUID, int]:
        """Say how many deliveries to claim of which endpoints; they are not hungry until they are found to be."""
        room = CLAIMED - self.claimed
        slow_room = _SLOW_SHARE - sum(one.claimed for one in self._lanes.values() if one.slow)
        wanted: dict[UUID, int] = {}
        for webhook in list(self._hungry):
            lane = self._lanes.get(webhook) or _Lane()
            number = min(self._free(lane, now), room, slow_room if lane.slow else room)
            if number <= 0:
                continue
            wanted[webhook] = number
            del self._hungry[webhook]
            room -= number
            slow_room -= number if lane.slow else 0
            if len(wanted) == _AT_ONCE:
                break
        return wanted

    def took(self, webhook: UUID, asked: int, number: int) -> None:
        """Learn what a claim brought; where it brought all that was asked for, there may be more."""
        if number:
            self._lanes.setdefault(webhook, _Lane()).claimed += number
        if number >= asked:
            self.rung([webhook])

    def called(self, webhook: UUID, result: Result, seconds: float, paused_until: int = 0) -> None:
        """Learn how a call went; a throttled endpoint is left alone until a moment."""
        lane = self._lanes.setdefault(webhook, _Lane())
        lane.quick = result is Result.DELIVERED and seconds < _QUICK_SECONDS
        lane.slow = seconds >= _QUICK_SECONDS
        lane.paused_until = max(lane.paused_until, paused_until)

    def freed(self, webhook: UUID, number: int = 1) -> None:
        """Learn that deliveries are recorded, or given back."""
        lane = self._lanes.setdefault(webhook, _Lane())
        lane.claimed = max(0, lane.claimed - number)
        if len(self._lanes) > _REMEMBERED:
            self._lanes = {key: one for key, one in self._lanes.items() if one.claimed}

    def _free(self, lane: _Lane, now: int) -> int:
        if lane.paused_until > now:
            return 0
        if not lane.quick:
            return self._slots - lane.claimed
        # A few at a time are claimed ahead, not one by one.
        return _AHEAD - lane.claimed if lane.claimed <= _AHEAD // 2 else 0
