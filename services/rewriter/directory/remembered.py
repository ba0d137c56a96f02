"""What the directory said lately, of whom it knows and of whom it does not: bounded in number and in time. Pure."""

from collections import OrderedDict

from schemas.identity import Tenant
from services.rewriter.directory.answers import Known


class Remembered:
    """Answers by tenant and address; the oldest go first. Times are monotonic seconds, given by the caller."""

    def __init__(self, entries: int, seconds: float) -> None:
        self._entries = entries
        self._seconds = seconds
        self._held: OrderedDict[tuple[Tenant, str], tuple[float, Known]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many answers are held, those included that are too old and not yet dropped."""
        return len(self._held)

    def get(self, tenant: Tenant, address: str, now: float) -> Known | None:
        """Return what was said of an address and holds still."""
        held = self._held.get((tenant, address))
        return held[1] if held is not None and now < held[0] else None

    def keep(self, tenant: Tenant, address: str, known: Known, now: float) -> None:
        """Remember an answer."""
        if not self._entries or not self._seconds:
            return
        self._held.pop((tenant, address), None)
        self._held[tenant, address] = (now + self._seconds, known)
        while len(self._held) > self._entries:
            self._held.popitem(last=False)
