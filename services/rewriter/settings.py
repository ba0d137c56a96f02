"""What tenants and recipients have decided, in memory: the settings topic folded, the latest in the log holds.

Nothing here reads Kafka: `settings_reader` does, and hands every record to `apply`.
"""

import asyncio

from schemas import envelope, identity
from schemas.errors import BadIdentity, Refused
from schemas.identity import RecipientRef, Tenant
from schemas.settings import PreferenceSet, TenantSet
from services.rewriter.preferences import Preferences
from services.runtime.errors import Transient
from services.runtime.kafka import Record
from services.runtime.log import get_logger

log = get_logger(__name__)


class Settings:
    """All settings of all tenants as of `next_offset`; `caught_up` once everything was read that was there at start."""

    def __init__(self) -> None:
        self._tenants: dict[Tenant, TenantSet] = {}
        self._preferences = Preferences()
        self._moved = asyncio.Condition()
        self.next_offset = 0
        self.refused = 0
        self.caught_up = False

    def __len__(self) -> int:
        return len(self._tenants) + len(self._preferences)

    def tenant(self, tenant: Tenant) -> TenantSet | None:
        """Return a tenant's settings, or None where nobody has set any."""
        return self._tenants.get(tenant)

    def preference(self, tenant: Tenant, ref: RecipientRef) -> PreferenceSet | None:
        """Return a recipient's preference, or None where nobody has set one."""
        return self._preferences.get(tenant, ref)

    def refuses(self, tenant: Tenant, ref: RecipientRef) -> bool:
        """Tell whether a recipient does not allow following."""
        return self._preferences.refuses(tenant, ref)

    def healthy(self) -> str | None:
        """Return None once every setting is known, else that they are not."""
        return None if self.caught_up else "settings: not all read yet"

    async def apply(self, records: list[Record]) -> None:
        """Fold records in the order of the log; one that cannot be read is passed over, counted and logged."""
        for record in records:
            self._apply_one(record)
        await self._tell(records[-1].offset + 1 if records else self.next_offset)

    async def pass_to(self, offset: int) -> None:
        """Take note that no record stands before that offset which was not folded."""
        await self._tell(max(offset, self.next_offset))

    async def start_over(self, offset: int) -> None:
        """Go back to an earlier offset, or to a log that begins elsewhere; what holds is folded over."""
        await self._tell(offset)

    async def reached(self, offset: int, seconds: float) -> None:
        """Return when the record at that offset is folded; raises `Transient` when that takes longer."""
        try:
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(lambda: self.next_offset > offset)
        except TimeoutError as error:
            raise Transient("settings: not read back in time") from error

    def _apply_one(self, record: Record) -> None:
        try:
            if record.value:
                self._apply_event(record)
            else:
                self._forget((record.key or b"").decode("ascii", "replace"))
        except Refused as refused:
            self._refuse(record, refused.reason)
        except BadIdentity:
            self._refuse(record, "bad_key")

    def _apply_event(self, record: Record) -> None:
        received = envelope.decode(record.key, record.value, record.headers)
        event, tenant = received.event, received.envelope.tenant
        if isinstance(event, PreferenceSet):
            self._preferences.set(tenant, event)
        elif isinstance(event, TenantSet):
            self._tenants[tenant] = event
        else:
            self._refuse(record, "not_a_setting")

    def _forget(self, key: str) -> None:
        name, colon, ref = key.partition(":")
        tenant = identity.tenant(name)
        if colon:
            self._preferences.forget(tenant, identity.ref(ref))
        else:
            self._tenants.pop(tenant, None)

    def _refuse(self, record: Record, reason: str) -> None:
        self.refused += 1
        log.error("setting_refused", offset=record.offset, reason=reason)

    async def _tell(self, next_offset: int) -> None:
        async with self._moved:
            self.next_offset = next_offset
            self._moved.notify_all()
