import asyncio
from uuid import UUID

import pytest

from schemas import envelope, identity
from schemas.envelope import Envelope
from schemas.events import Event
from schemas.identity import RecipientRef, Tenant
from schemas.instant import Instant
from schemas.settings import Follow, PreferenceSet, TenantSet
from services.rewriter import records
from services.rewriter.settings import Settings
from services.runtime.errors import Transient
from services.runtime.kafka import Outgoing, Record
from tests.rewriter.given import TENANT, as_record, prepared
from tests.support.clock import START

REF = RecipientRef("00112233445566ff")
NOW = Instant(START)


def preference(follow: Follow, by: str = "ana") -> PreferenceSet:
    return PreferenceSet(ref=REF, follow=follow, since=NOW, by=by)


def written(event: Event, offset: int, tenant: Tenant = TENANT) -> Record:
    around = Envelope(id=UUID(int=offset), source="/rewriter", tenant=tenant, occurred_at=NOW)
    one = envelope.encode(around, event, NOW)
    return as_record(Outgoing(key=one.key, value=one.value, headers=one.headers), offset)


async def test_the_latest_in_the_log_holds() -> None:
    settings = Settings()
    assert not settings.refuses(TENANT, REF)
    await settings.apply([written(preference(Follow.ALLOW), 0)])
    await settings.apply(
        [written(preference(Follow.DO_NOT_ALLOW), 1), written(preference(Follow.ALLOW, "li"), 2)]
    )
    held = settings.preference(TENANT, REF)
    assert held == preference(Follow.ALLOW, "li")
    assert settings.next_offset == 3
    assert len(settings) == 1


async def test_tenants_do_not_share_settings() -> None:
    settings, other = Settings(), Tenant("other")
    off = TenantSet(since=NOW, by="root", engagement=False)
    await settings.apply([written(preference(Follow.DO_NOT_ALLOW), 0), written(off, 1)])
    assert settings.refuses(TENANT, REF)
    assert settings.tenant(TENANT) == off
    assert not settings.refuses(other, REF)
    assert settings.tenant(other) is None


async def test_a_tombstone_forgets() -> None:
    settings = Settings()
    record = written(preference(Follow.DO_NOT_ALLOW), 0)
    await settings.apply([record, record._replace(offset=1, value=None)])
    assert settings.preference(TENANT, REF) is None


async def test_what_cannot_be_read_is_passed_over_and_counted() -> None:
    settings = Settings()
    good = written(preference(Follow.DO_NOT_ALLOW), 3)
    stray = records.encode(prepared(), NOW, None)[1]
    await settings.apply(
        [
            good._replace(offset=0, value=b"{"),
            good._replace(offset=1, key=b"demo:ffffffffffffffff"),
            as_record(Outgoing(key=stray.key, value=stray.value, headers=stray.headers), 2),
            good,
        ]
    )
    assert settings.refuses(TENANT, REF)
    assert (settings.refused, settings.next_offset) == (3, 4)


async def test_reading_back_waits_for_the_record_and_no_longer_than_it_may() -> None:
    settings = Settings()
    with pytest.raises(Transient):
        await settings.reached(0, 0.01)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(settings.reached(1, 5.0))
        await settings.apply([written(preference(Follow.ALLOW), 0)])
        assert not waiting.done()
        await settings.apply([written(preference(Follow.ALLOW), 1)])
    await settings.reached(0, 0.01)


async def test_it_is_healthy_once_it_knows_everything() -> None:
    settings = Settings()
    assert settings.healthy() is not None
    settings.caught_up = True
    assert settings.healthy() is None
    await settings.apply([])
    await settings.start_over(5)
    assert settings.next_offset == 5


def test_refs_are_the_same_for_every_way_to_write_an_address() -> None:
    key = bytes(32)
    assert identity.recipient_ref(key, TENANT, "A@b.example") == identity.recipient_ref(
        key, TENANT, "a@B.example"
    )
