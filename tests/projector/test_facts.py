"""Facts: stated once, for people only, in the transaction of what they follow from."""

from schemas import envelope, identity
from schemas.envelope import Received
from schemas.events import ReplyAuthor, ReplyKind, ReplyReceived
from schemas.facts import (
    MessageFirstAttachmentViewed,
    MessageFirstClicked,
    MessageFirstOpened,
    MessageFirstReplied,
    MessageRegistered,
)
from schemas.instant import SECOND, Instant
from services.projector import facts
from services.projector.facts import First
from services.projector.kinds import Kind
from tests.projector.records import (
    ACME,
    ANNA,
    APPLE,
    BERT,
    LANE,
    NOW,
    REPLY,
    clicked,
    hit_id,
    message,
    opened,
    prepared,
    record,
    viewed,
)
from tests.projector.store import TABLES, Store


async def _stated(store: Store) -> list[Received]:
    rows = await store.pool.fetch("select key, value, headers, lane from outbox order by seq")
    assert all(row["lane"] == LANE.partition for row in rows)
    return [
        envelope.decode(
            row["key"], row["value"], [(k, v.encode()) for k, v in row["headers"].items()]
        )
        for row in rows
    ]


async def _prepare(store: Store) -> None:
    """Prepare the message, and take away what is stated of that."""
    await store.apply([record(prepared(), offset=90)])
    await store.pool.execute("delete from outbox")


async def test_a_prepared_message_is_registered_with_its_followed_recipients(store: Store) -> None:
    await store.apply([record(prepared(scheduled_at=Instant(NOW + 5)), at=NOW)])
    (told,) = await _stated(store)
    assert told.event == MessageRegistered(
        message_id=message(1),
        owner="sally",
        followed=True,
        refs=(ANNA, BERT),
        scheduled_at=Instant(NOW + 5),
    )
    assert (told.envelope.source, told.envelope.occurred_at) == ("/projector", NOW)
    assert store.woken == [LANE.partition]


async def test_the_earliest_open_of_a_slice_is_the_first(store: Store) -> None:
    await _prepare(store)
    later = record(opened(), at=NOW + SECOND, offset=1)
    await store.apply([later, record(opened(), at=NOW, offset=2)])
    (told,) = await _stated(store)
    assert told.event == MessageFirstOpened(
        message_id=message(1), ordinal=1, event_id=hit_id(NOW, 2), ref=ANNA
    )
    assert told.envelope.occurred_at == NOW
    assert told.envelope.id == identity.fact_id(
        "message.first_opened.v1", ACME, message(1), ANNA, 1
    )


async def test_each_kind_of_interaction_has_its_first(store: Store) -> None:
    reply = ReplyReceived(
        message_id=message(1), kind=ReplyKind.HUMAN, author=ReplyAuthor.OTHER, rule="references"
    )
    await store.apply([record(prepared(), at=NOW - 1, offset=9)])
    await store.apply(
        [
            record(clicked(link=1), at=NOW, offset=1),
            record(viewed(), at=NOW + 1, offset=2),
            record(reply, at=NOW + 2, identifier=REPLY),
        ]
    )
    mid = message(1)
    assert [told.event for told in await _stated(store)][1:] == [
        MessageFirstClicked(
            message_id=mid, ordinal=1, event_id=hit_id(NOW, 1), link_index=1, ref=ANNA
        ),
        MessageFirstAttachmentViewed(
            message_id=mid, ordinal=1, event_id=hit_id(NOW + 1, 2), attachment_index=0, ref=ANNA
        ),
        MessageFirstReplied(message_id=mid, ordinal=1, event_id=REPLY),
    ]


async def test_nothing_is_stated_twice_whatever_comes_again_or_later(store: Store) -> None:
    first = [record(prepared()), record(opened(), at=NOW + SECOND, offset=1)]
    await store.apply(first)
    await store.apply(first)
    await store.apply([record(opened(), at=NOW, offset=2), record(opened(), offset=3)])
    assert len(await _stated(store)) == 2


async def test_each_recipient_has_a_first_of_their_own_and_a_shared_copy_one(store: Store) -> None:
    await _prepare(store)
    hits = [opened(refs=refs) for refs in ((ANNA,), (BERT,), (ANNA, BERT), (BERT, ANNA))]
    await store.apply([record(hit, offset=number) for number, hit in enumerate(hits)])
    told = [one.event for one in await _stated(store)]
    refs = [one.ref for one in told if isinstance(one, MessageFirstOpened)]
    assert sorted(refs, key=str) == [None, ANNA, BERT]


async def test_a_machine_states_nothing_and_the_person_after_it_does(store: Store) -> None:
    await _prepare(store)
    await store.apply([record(opened(agent=APPLE))])
    automatic = ReplyReceived(
        message_id=message(1), kind=ReplyKind.AUTOMATIC, author=ReplyAuthor.RECIPIENT, rule="header"
    )
    await store.apply([record(automatic, identifier=REPLY)])
    assert await _stated(store) == []
    await store.apply([record(opened(), offset=1)])
    assert len(await _stated(store)) == 1


async def test_what_came_before_its_message_is_stated_with_it_and_once(store: Store) -> None:
    hits = [record(opened(), at=NOW + SECOND, offset=1), record(opened(), at=NOW, offset=2)]
    await store.apply([*hits, record(clicked(), at=NOW + 2, offset=3)])
    await store.apply([record(viewed(2), offset=4), record(opened(agent=APPLE), offset=5)])
    assert await _stated(store) == []
    await store.apply([record(prepared(), offset=6), record(opened(refs=(BERT,)), offset=7)])
    told = [one.event for one in await _stated(store)]
    mid = message(1)
    assert isinstance(told[0], MessageRegistered)
    assert told[1:] == [
        MessageFirstOpened(message_id=mid, ordinal=1, event_id=hit_id(NOW, 2), ref=ANNA),
        MessageFirstOpened(message_id=mid, ordinal=1, event_id=hit_id(NOW, 7), ref=BERT),
        MessageFirstClicked(
            message_id=mid, ordinal=1, event_id=hit_id(NOW + 2, 3), link_index=0, ref=ANNA
        ),
    ]
    await store.apply([record(prepared(), offset=8), *hits])
    assert len(await _stated(store)) == len(told)


async def test_a_rebuild_of_the_read_models_states_nothing(store: Store) -> None:
    log = [record(prepared()), record(opened(), offset=1)]
    await store.apply(log)
    before = await store.tables()
    await store.pool.execute("delete from outbox")
    for name in (*TABLES, "view_slot"):
        await store.pool.execute(f"delete from {name}")  # noqa: S608
    await store.apply(log)
    assert await store.tables() == before
    assert await _stated(store) == []


async def test_a_slice_that_fails_states_nothing(store: Store) -> None:
    await store.fail([record(prepared()), record(opened(), offset=1)])
    assert await _stated(store) == []
    assert store.woken == []


def test_a_fact_is_a_valid_event_under_the_messages_key() -> None:
    first = First(
        tenant=ACME,
        message_id=message(1),
        ref=None,
        kind=Kind.CLICK,
        item=4,
        event_id=hit_id(NOW, 1),
        occurred_at=NOW,
    )
    encoded = facts.stated(first, Instant(NOW + 1))
    assert encoded.topic == "engagement.facts.v1"
    received = envelope.decode(encoded.key, encoded.value, encoded.headers)
    envelope.check(received.event)
    assert received.recorded_at == NOW + 1
