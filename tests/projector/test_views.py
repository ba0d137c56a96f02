"""A view: many requests of one file, and how long that is remembered."""

from schemas.instant import SECOND, Instant
from services.projector import views
from services.projector.admission import DAY
from tests.projector.records import (
    ANNA,
    APPLE,
    BERT,
    NOW,
    prepared,
    record,
    viewed,
)
from tests.projector.store import Store, named

MINUTE = 60 * SECOND


async def test_a_download_in_many_ranges_is_one_view_and_its_history_is_whole(store: Store) -> None:
    ranges = [record(viewed(), at=NOW + n * SECOND, offset=n) for n in range(40)]
    await store.apply([record(prepared(), offset=99), *ranges[:7]])
    await store.apply(ranges[7:])
    for table in ("message", "attachment", "viewer", "tenant_day", "hour_of_week", "template"):
        row = await store.row(table)
        assert (row["attachment_views"], row["human_attachment_views"]) == (1, 1), table
        last = row["last_attachment_viewed_at"]
        assert (row["first_attachment_viewed_at"], last) == (NOW, NOW + 39 * SECOND), table
    assert await store.pool.fetchval("select count(*) from interaction") == 40
    assert (await store.row("recipient", f"ref = '{ANNA}'"))["attachment_views"] == 1


async def test_another_file_reader_network_program_or_ten_minutes_is_another_view(
    store: Store,
) -> None:
    hits = [
        viewed(),
        viewed(file=1),
        viewed(refs=(BERT,)),
        viewed(refs=(ANNA, BERT)),
        viewed(network="192.0.2.0/24"),
        viewed(agent=APPLE),
        viewed(2),
    ]
    log = [record(hit, at=NOW, offset=n) for n, hit in enumerate(hits)]
    log += [record(viewed(), at=NOW + 10 * MINUTE - 1, offset=20)]
    log += [record(viewed(), at=NOW + 10 * MINUTE, offset=21)]
    await store.apply(log)
    rows = await store.rows("message", "attachment_views")
    assert named(rows, "attachment_views", "human_attachment_views") == [(1, 1), (7, 6)]


async def test_a_view_is_a_persons_when_one_of_its_requests_is(store: Store) -> None:
    await store.apply([record(viewed(method="HEAD"), at=NOW)])
    row = await store.row("attachment")
    assert (row["attachment_views"], row["human_attachment_views"]) == (1, 0)
    await store.apply([record(viewed(), at=NOW + SECOND, offset=n) for n in (1, 2)])
    row = await store.row("attachment")
    assert (row["attachment_views"], row["human_attachment_views"]) == (1, 1)
    assert row["human_first_attachment_viewed_at"] == NOW + SECOND


async def test_slots_are_dropped_once_no_hit_can_fall_into_them(store: Store) -> None:
    await store.apply([record(viewed(), at=NOW), record(viewed(), at=NOW + DAY, offset=1)])
    assert await views.forget(store.pool) == 0, "no lane was read"
    await store.pool.execute(
        "insert into checkpoint (consumer, topic, partition, read_to) values"
        " ('projector', 'engagement.events.v1', 0, to_timestamp($1::float8 / 1000000)),"
        " ('projector', 'engagement.events.v1', 1, now())",
        float(NOW + 8 * DAY + views.SLOT),
    )
    assert await views.forget(store.pool) == 1
    assert await views.forget(store.pool) == 0
    assert (await store.row("view_slot"))["slot"] == (NOW + DAY) // views.SLOT


def test_a_slot_is_kept_for_as_long_as_a_hit_may_be_late() -> None:
    assert views.first_kept(NOW + 7 * DAY) * views.SLOT <= NOW - DAY
    assert Instant(DAY) % views.SLOT == 0
