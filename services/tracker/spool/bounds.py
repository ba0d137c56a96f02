"""How much the spool of one process may hold, and of whom; every byte is counted where it comes and goes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from schemas.identity import Tenant


class Refusal(StrEnum):
    """Why the spool did not take an event."""

    FULL = "full"
    """The spool holds as much as it may."""
    TENANT_SHARE = "tenant_share"
    """The events of this tenant fill their part of it."""
    BACKLOG = "backlog"
    """More waits to be written than may lie in memory."""
    SLOW = "slow"
    """The disk has not answered in time."""
    NO_SPACE = "no_space"
    """The disk is full, or a quota is."""
    IO_ERROR = "io_error"
    """The disk failed, and so did another try with a new file."""
    CLOSED = "closed"
    """The spool is not open yet, or no more."""
    MALFORMED = "malformed"
    """It is no event, which is a bug."""


class Bounds:
    """Counts bytes: those of the files, those that wait to be written, and of both the records of each tenant."""

    def __init__(self, bytes_allowed: int, tenant_percent: int, pending_allowed: int) -> None:
        self.bytes_allowed: Final = bytes_allowed
        self.tenant_allowed: Final = bytes_allowed * tenant_percent // 100
        self.pending_allowed: Final = pending_allowed
        self.filed = 0
        """Bytes of segments, their headers and footers included."""
        self.pending = 0
        """Bytes of records that wait to be written."""
        self.full = False
        """Whether something was refused because nothing more may be held, and nothing left since."""
        self._tenants: Final[dict[Tenant, int]] = {}

    @property
    def bytes(self) -> int:
        """What counts against `bytes_allowed`."""
        return self.filed + self.pending

    @property
    def tenants(self) -> Mapping[Tenant, int]:
        """Return what the records of each tenant take."""
        return self._tenants

    def admit(self, tenant: Tenant, size: int) -> Refusal | None:
        """Count a record that is to be written, or return why it must not be."""
        if self.filed + self.pending + size > self.bytes_allowed:
            self.full = True
            return Refusal.FULL
        share = self._tenants.get(tenant, 0) + size
        if share > self.tenant_allowed:
            return Refusal.TENANT_SHARE
        if self.pending + size > self.pending_allowed:
            return Refusal.BACKLOG
        self._tenants[tenant] = share
        self.pending += size
        return None

    def written(self, size: int) -> None:
        """Count records that waited as written; what their file grew by is told to `grew`."""
        self.pending -= size

    def withdrawn(self, tenant: Tenant, size: int) -> None:
        """Count a record that waited as not written after all."""
        self.pending -= size
        self._release(tenant, size)

    def grew(self, size: int) -> None:
        """Count bytes by which files grew, or shrank where negative."""
        self.filed += size

    def found(self, size: int, shares: Mapping[Tenant, int]) -> None:
        """Count a segment that was there."""
        self.filed += size
        for tenant, share in shares.items():
            self._tenants[tenant] = self._tenants.get(tenant, 0) + share

    def left(self, size: int, shares: Mapping[Tenant, int]) -> None:
        """Count a segment as gone."""
        self.filed -= size
        self.full = False
        for tenant, share in shares.items():
            self._release(tenant, share)

    def _release(self, tenant: Tenant, size: int) -> None:
        share = self._tenants.get(tenant, 0) - size
        if share > 0:
            self._tenants[tenant] = share
        else:
            self._tenants.pop(tenant, None)
