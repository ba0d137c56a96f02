"""Whose history of a day is over: a tenant's own word before the operator's, and never while hits can be late. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from services.projector.admission import DAY, LATENESS_WINDOW

# A whole day goes at once, so the least that is kept is the window and the day itself; one more for the clocks.
LEAST_DAYS: Final = LATENESS_WINDOW // DAY + 1
_CLOCKS: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Whose hits of a day go: those named, and where `others` everybody's but those who keep theirs."""

    named: frozenset[str]
    others: bool
    keeping: frozenset[str]

    @property
    def nobody(self) -> bool:
        """Tell whether there is nothing to be done."""
        return not self.named and not self.others

    @property
    def everybody(self) -> bool:
        """Tell whether the whole day may go at once."""
        return self.others and not self.keeping


def expired(
    day: date, read_to: date, default_days: int | None, own_days: Mapping[str, int]
) -> Expired:
    """Say whose history of a day is over, when all that Kafka acknowledged before a day is folded.

    Days are kept for as long as a hit may be late, also where somebody says less; None is for ever.
    """
    named = {tenant for tenant, days in own_days.items() if _over(day, read_to, days)}
    others = default_days is not None and _over(day, read_to, default_days)
    keeping = own_days.keys() - named if others else frozenset[str]()
    return Expired(named=frozenset(named), others=others, keeping=frozenset(keeping))


def _over(day: date, read_to: date, days: int) -> bool:
    return day + timedelta(days=max(days, LEAST_DAYS)) + _CLOCKS < read_to
