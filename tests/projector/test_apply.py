"""What folding does to the read models, through the real SQL; order and repetition stand in ``test_fold_laws``."""

import dataclasses

import pytest

from schemas.events import (
    MessageCancelled,
    MessageRescheduled,
    MessageSent,
    NetworkJudged,
    PreparedAttachment,
    ReplyAuthor,
)
from schemas.identity import RecipientRef
from schemas.instant import SECOND, Instant
from services.runtime.errors import Poison
from tests.projector.records import (
    ANNA,
    APPLE,
    BERT,
    CARL,
    EVE,
    NOW,
    RIVAL,
    clicked,
    message,
    opened,
    prepared,
    record,
    replied,
    viewed,
)
from tests.projector.store import Store, named
from tests.support.folding import decode


async def test_a_hit_is_counted_for_message_recipient_link_and_template(store: Store) -> None:
    assert await store.apply([record(prepared()), record(clicked(link=1), offset=1)]) == ()
    assert (await store.row("message"))["human_clicks"] == 1
    assert named(await store.rows("recipient", "ref"), "ref", "clicks") == [(ANNA, 1), (BERT, 0)]
    assert named(await store.rows("link", "link_index"), "host", "clicks") == [
        ("example.org", 0),
        ("example.net", 1),
    ]
    assert (await store.row("template"))["human_clicked_emails"] == 1


async def test_a_machines_open_counts_only_among_all(store: Store) -> None:
    await store.apply([record(prepared()), record(opened(agent=APPLE), offset=1)])
    row = await store.row("message")
    assert (row["opens"], row["human_opens"]) == (1, 0)
    row = await store.row("interaction")
    assert (row["agent"], row["rule"], row["human"]) == (
        "privacy_prefetch",
        "apple_privacy_agent",
        False,
    )


async def test_a_shared_copys_hit_counts_for_the_message_alone(store: Store) -> None:
    await store.apply([record(prepared()), record(opened(refs=(ANNA, BERT)), offset=1)])
    assert (await store.row("message"))["opens"] == 1
    assert named(await store.rows("recipient", "ref"), "opens") == [(0,), (0,)]
    assert (await store.row("interaction"))["ref"] is None


async def test_the_template_of_an_unfollowed_mail_counts_the_mail_and_nothing_else(
    store: Store,
) -> None:
    await store.apply([replied(offset=1)])
    await store.apply([record(prepared(followed=False))])
    await store.apply([record(opened(), offset=2)])
    row = await store.row("template")
    assert (row["emails"], row["followed_emails"], row["replies"], row["opens"]) == (1, 0, 0, 0)
    assert row["human_replies"] == row["human_replied_emails"] == 0
    assert (await store.row("message"))["replies"] == 1


async def test_the_senders_own_reply_is_history_and_not_counted(store: Store) -> None:
    await store.apply([record(prepared()), replied(ReplyAuthor.SENDER, offset=1)])
    assert (await store.row("message"))["replies"] == 0
    assert (await store.row("correspondence"))["author"] == "sender"
    assert [one["type"] for one in await store.rows("first_fact", "ref")] == ["message.registered"]


async def test_a_reply_to_a_message_nobody_knows_is_set_aside_until_it_is_known(
    store: Store,
) -> None:
    await store.apply([replied(wrote=BERT)])
    assert (await store.row("message"))["replies"] == 0
    assert await store.rows("first_fact", "ref") == []
    assert store.registry.get_sample_value(
        "inkling_projector_correspondence_total", {"type": "reply"}
    )
    await store.apply([record(prepared(), offset=1)])
    assert (await store.row("message"))["replies"] == 1
    assert (await store.row("template"))["human_replied_emails"] == 1
    assert [one["type"] for one in await store.rows("first_fact", "type")] == [
        "message.first_replied",
        "message.registered",
    ]
    await store.apply([replied(wrote=BERT, offset=2), record(prepared(), offset=3)])
    assert (await store.row("message"))["replies"] == 1


@pytest.mark.parametrize(
    ("ref", "wrote", "author", "counted"),
    [
        (None, BERT, "recipient", [(BERT, 1)]),
        (ANNA, BERT, "recipient", [(BERT, 1)]),
        (ANNA, EVE, "other", [(ANNA, 1)]),
        (None, EVE, "other", []),
        (ANNA, CARL, "sender", []),
        (None, CARL, "sender", []),
    ],
)
async def test_who_wrote_a_reply_follows_from_the_refs_of_the_message(
    store: Store, ref: RecipientRef | None, wrote: RecipientRef, author: str, counted: list[object]
) -> None:
    await store.apply(
        [record(prepared()), replied(ReplyAuthor.OTHER, offset=1, ref=ref, wrote=wrote)]
    )
    assert (await store.row("correspondence"))["author"] == author
    assert (await store.row("message"))["human_replies"] == (author != "sender")
    found = [one for one in await store.rows("recipient", "ref") if one["replies"]]
    assert named(found, "ref", "replies") == counted


async def test_the_first_prepared_in_the_log_holds(store: Store) -> None:
    first, second = prepared(owner="sally"), prepared(owner="mallory", refs=(BERT,))
    await store.apply([record(first), record(second, at=NOW + 1, offset=1)])
    await store.apply([record(second, at=NOW + 2, offset=2)])
    row = await store.row("message")
    assert (row["owner"], row["prepared_at"]) == ("sally", NOW)
    assert len(await store.rows("recipient", "ref")) == 2
    assert (await store.row("template"))["emails"] == 1


async def test_somebody_who_is_a_recipient_twice_is_one_in_the_first_place(store: Store) -> None:
    await store.apply([record(prepared(refs=(BERT, ANNA, BERT)))])
    assert named(await store.rows("recipient", "position"), "ref", "position") == [
        (BERT, 0),
        (ANNA, 1),
    ]


async def test_a_mail_is_sent_when_it_was_prepared_unless_it_was_held(store: Store) -> None:
    later = Instant(NOW + 60 * SECOND)
    await store.apply([record(prepared(1)), record(prepared(2, scheduled_at=later), offset=1)])
    by_id = "prepared_at, template_version"
    assert named(await store.rows("message", by_id), "sent_at") == [(NOW,), (None,)]
    await store.apply([record(MessageSent(message_id=message(2)), at=later + 5)])
    assert named(await store.rows("message", by_id), "sent_at") == [(NOW,), (later + 5,)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_the_latest_rescheduling_holds_whenever_it_is_folded(
    store: Store, order: tuple[int, ...]
) -> None:
    records = [record(prepared(scheduled_at=Instant(NOW + 1)))]
    for number, to in ((1, NOW + 9), (2, NOW + 4)):
        event = MessageRescheduled(message_id=message(1), scheduled_at=Instant(to))
        records.append(record(event, at=NOW + number, offset=number))
    for place in order:
        await store.apply([records[place]])
    assert (await store.row("message"))["scheduled_at"] == NOW + 4


async def test_a_mail_is_cancelled_once(store: Store) -> None:
    cancelled = MessageCancelled(message_id=message(1))
    await store.apply([record(cancelled, at=NOW + 2), record(cancelled, at=NOW + 1, offset=1)])
    assert (await store.row("message"))["cancelled_at"] == NOW + 1


async def test_a_tenants_hit_never_touches_anothers_message(store: Store) -> None:
    await store.apply([record(prepared())])
    await store.apply([record(opened(tenant=RIVAL), tenant=RIVAL)])
    rows = await store.rows("message", "tenant")
    assert named(rows, "tenant", "opens") == [("acme", 0), ("rival", 1)]


async def test_refused_records_leave_the_rest_of_the_slice_alone(store: Store) -> None:
    late = record(opened(), recorded_at=NOW + 8 * 24 * 3600 * SECOND)
    broken = record(opened(), offset=1)._replace(value=b"{")
    refused = await store.apply([late, broken, record(opened(), offset=2)])
    assert [(one.record.offset, one.reason) for one in refused] == [(0, "late"), (1, "not_json")]
    assert (await store.row("message"))["opens"] == 1


async def test_numbers_that_fit_no_column_are_refused(store: Store) -> None:
    files = (PreparedAttachment(index=0, size=2**63, content_type="a/b", followed=True),)
    huge = dataclasses.replace(prepared(), attachments=files)
    (refusal,) = await store.apply([record(huge)])
    assert refusal.reason == "out_of_range"


async def test_what_postgres_refuses_is_poison(store: Store) -> None:
    # The decoder lets no U+0000 pass; it stands for whatever PostgreSQL refuses and we did not think of.
    ready, _ = decode(store.fold, [record(opened())])
    ready.hits[0] = (*ready.hits[0][:13], "\x00", *ready.hits[0][14:])
    with pytest.raises(Poison):
        async with store.pool.acquire() as connection, connection.transaction():
            await store.fold.apply(connection, ready)
    assert await store.rows("interaction", "event_id") == []


async def test_events_of_later_versions_are_counted_and_left(store: Store) -> None:
    judged = NetworkJudged(network="192.0.2.0/24", rule="burst", from_at=NOW)
    assert await store.apply([record(judged)]) == ()
    told = {"type": "network.judged.v1"}
    assert store.registry.get_sample_value("inkling_projector_unfolded_total", told) == 1


async def test_metrics_tell_of_new_interactions_and_of_duplicates(store: Store) -> None:
    again = record(opened())
    await store.apply([again, again, record(opened(agent=APPLE), offset=1), replied(offset=2)])
    await store.apply([record(prepared(), offset=4)])
    await store.apply([again, record(viewed(), offset=3)])

    def value(name: str, **labels: str) -> float | None:
        return store.registry.get_sample_value(f"inkling_projector_{name}", labels)

    assert value("interactions_total", kind="open", human="true") == 1
    assert value("interactions_total", kind="open", human="false") == 1
    assert value("interactions_total", kind="reply", human="true") == 1
    assert value("correspondence_total", type="reply") == 1
    assert value("duplicates_total") == 2
    assert value("records_total", topic="engagement.events.v1") == 7


async def test_a_slice_that_was_rolled_back_leaves_nothing_for_the_next(store: Store) -> None:
    await store.fail([record(prepared()), record(opened(), offset=1)])
    await store.apply([record(clicked(), offset=2)])
    row = await store.row("message")
    assert (row["opens"], row["clicks"], row["prepared_at"]) == (0, 1, None)
