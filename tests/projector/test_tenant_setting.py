"""What the projector keeps of a tenant's settings: the latest in the log holds, and a tombstone forgets."""

from schemas.settings import Follow, PreferenceSet, TenantSet
from schemas.topics import SETTINGS
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from tests.projector.records import ACME, ANNA, NOW, RIVAL, record
from tests.projector.store import Store

LANE = Lane(SETTINGS.name, 0)


def _said(engagement: bool, offset: int = 0, tenant: str = ACME) -> Record:
    setting = TenantSet(since=NOW, by="ada", engagement=engagement)
    return record(setting, tenant=RIVAL if tenant == RIVAL else ACME, offset=offset)


async def _kept(store: Store) -> dict[object, object]:
    rows = await store.rows("tenant_setting", "tenant")
    return {row["tenant"]: row["engagement"] for row in rows}


async def test_the_latest_in_the_log_holds_for_each_tenant(store: Store) -> None:
    assert await store.apply([_said(True), _said(False, 1), _said(True, 2, RIVAL)]) == ()
    assert await _kept(store) == {ACME: False, RIVAL: True}
    await store.apply([_said(True, 3)])
    assert await _kept(store) == {ACME: True, RIVAL: True}


async def test_a_tombstone_forgets_a_tenants_settings_and_no_recipients(store: Store) -> None:
    await store.apply([_said(False), _said(False, 1, RIVAL)])
    gone = _said(True, 2)._replace(value=None, headers=())
    await store.apply([gone._replace(key=f"{RIVAL}:{ANNA}".encode()), gone])
    assert await _kept(store) == {RIVAL: False}
    await store.apply([gone, _said(False, 3)])
    assert await _kept(store) == {ACME: False, RIVAL: False}


async def test_what_a_recipient_allows_is_none_of_ours(store: Store) -> None:
    setting = PreferenceSet(ref=ANNA, follow=Follow.DO_NOT_ALLOW, since=NOW, by="sally")
    assert await store.apply([record(setting)]) == ()
    assert await _kept(store) == {}


async def test_a_setting_belongs_on_its_topic(store: Store) -> None:
    elsewhere = _said(False)._replace(topic="engagement.events.v1")
    (refusal,) = await store.apply([elsewhere])
    assert refusal.reason == "wrong_topic"


async def test_for_how_long_the_history_is_kept_goes_with_the_rest(store: Store) -> None:
    setting = TenantSet(since=NOW, by="ada", retention_days=30)
    await store.apply([record(setting)])
    assert (await store.row("tenant_setting"))["retention_days"] == 30
    await store.apply([_said(True, 1)])
    assert (await store.row("tenant_setting"))["retention_days"] is None
