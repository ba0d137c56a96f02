"""What the tests of refusals start from: settings as records of the log."""

from uuid import UUID

from schemas import envelope, topics
from schemas.envelope import Envelope
from schemas.events import Event
from schemas.identity import RecipientRef, Tenant
from schemas.instant import Instant
from schemas.settings import Follow, PreferenceSet, TenantSet
from services.runtime.kafka import Outgoing, Record
from tests.support.clock import START

TENANT = Tenant("demo")
OTHER = Tenant("other")
REF = RecipientRef("00112233445566ff")
SECOND = RecipientRef("ff00000000000001")
NOW = Instant(START)


def setting(event: Event, tenant: Tenant = TENANT) -> Outgoing:
    """Write a setting as the rewriter does."""
    around = Envelope(id=UUID(int=1), source="/rewriter", tenant=tenant, occurred_at=NOW)
    one = envelope.encode(around, event, NOW)
    return Outgoing(key=one.key, value=one.value, headers=one.headers)


def preference(
    ref: RecipientRef = REF, *, refuses: bool = True, tenant: Tenant = TENANT
) -> Outgoing:
    """Write that a recipient allows following, or does not."""
    follow = Follow.DO_NOT_ALLOW if refuses else Follow.ALLOW
    return setting(PreferenceSet(ref=ref, follow=follow, since=NOW, by="ana"), tenant)


def engagement(on: bool, tenant: Tenant = TENANT) -> Outgoing:
    """Write that a tenant records, or does not."""
    return setting(TenantSet(since=NOW, by="root", engagement=on), tenant)


def removed(ref: RecipientRef | None = REF, tenant: Tenant = TENANT) -> Outgoing:
    """Write the tombstone of a setting."""
    return Outgoing(key=topics.settings_key(tenant, ref), value=None)


def at(offset: int, one: Outgoing) -> Record:
    """Place a setting into the log."""
    return Record(topics.SETTINGS.name, 0, offset, one.key, one.value, one.headers, START // 1000)


def log_of(*settings: Outgoing) -> list[Record]:
    """Place settings into the log, from its beginning."""
    return [at(offset, one) for offset, one in enumerate(settings)]
