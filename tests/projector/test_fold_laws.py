"""The laws of the fold, through the real SQL: no order, slicing or repetition changes a table, and none is wrong."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import identity
from schemas.events import (
    CANARY_LINK_INDEX,
    TYPE_OF,
    Hit,
    Inbound,
    MessageBounced,
    MessageCancelled,
    MessageComplained,
    MessageRescheduled,
    MessageSent,
    ReplyAuthor,
    ReplyKind,
    ReplyReceived,
)
from schemas.instant import SECOND, Instant
from services.runtime.kafka import Record
from tests.projector import oracle
from tests.projector.oracle import Happened, Told
from tests.projector.records import (
    ACME,
    ANNA,
    APPLE,
    BERT,
    CARL,
    CHROME,
    LANE,
    NOW,
    RIVAL,
    clicked,
    hit_id,
    message,
    opened,
    prepared,
    record,
    viewed,
)
from tests.projector.store import Store, named

MESSAGES = st.integers(1, 3)
_RIVALS = frozenset(message(number, RIVAL) for number in (1, 2, 3))
# Across slots of views, hours and days.
TIMES = st.builds(
    lambda seconds, later: Instant(NOW + (seconds + later) * SECOND),
    st.integers(0, 40),
    st.sampled_from([0, 0, 0, 580, 3590, 86_380]),
)
REFS = st.sampled_from([(ANNA,), (BERT,), (CARL,), (ANNA, BERT)])
ONE = st.sampled_from([ANNA, BERT, None])
HITS = st.one_of(
    st.builds(opened, MESSAGES, REFS, st.sampled_from([CHROME, APPLE])),
    st.builds(opened, MESSAGES, REFS, tenant=st.just(RIVAL)),
    st.builds(clicked, MESSAGES, st.sampled_from([0, 1, 2, CANARY_LINK_INDEX]), REFS),
    st.builds(
        viewed,
        MESSAGES,
        st.integers(0, 1),
        REFS,
        st.sampled_from([CHROME, APPLE]),
        st.sampled_from(["GET", "HEAD"]),
        st.sampled_from([None, "192.0.2.0/24"]),
    ),
)
KINDS = ("opens", "clicks", "attachment_views", "replies")
KNOWN = MESSAGES.map(message)
INBOUND = st.one_of(
    st.builds(
        ReplyReceived,
        message_id=KNOWN,
        kind=st.sampled_from(ReplyKind),
        author=st.sampled_from(ReplyAuthor),
        rule=st.just("in_reply_to"),
        ref=ONE,
        from_ref=st.sampled_from([ANNA, BERT, CARL, None]),
    ),
    st.builds(
        MessageBounced, message_id=KNOWN, permanent=st.booleans(), rule=st.just("dsn"), ref=ONE
    ),
    st.builds(MessageComplained, message_id=KNOWN, rule=st.just("arf"), ref=ONE),
)
HELD = st.one_of(
    st.builds(MessageSent, message_id=KNOWN),
    st.builds(MessageCancelled, message_id=KNOWN),
    st.builds(MessageRescheduled, message_id=KNOWN, scheduled_at=TIMES.map(Instant)),
)
PREPARED = st.builds(
    prepared,
    MESSAGES,
    followed=st.booleans(),
    template=st.sampled_from(["offer", "news", None]),
    scheduled_at=st.none() | TIMES.map(Instant),
    refs=st.sampled_from([(), (ANNA,), (ANNA, BERT)]),
)


# A message that is surely prepared, and one that surely is not.
ALWAYS = (opened(0), clicked(0), clicked(0, 1), viewed(0), opened(0, agent=APPLE), clicked(4))


@st.composite
def lives(draw: st.DrawFn) -> list[Happened]:
    """Draw what happened to some messages, beside what always did; each is prepared at most once."""
    happened = []
    hits = [*ALWAYS, *draw(st.lists(HITS, max_size=12))]
    for number, event in enumerate(hits):
        at = draw(TIMES)
        tenant = RIVAL if event.message_id in _RIVALS else ACME
        happened.append(Happened(hit_id(at, number), tenant, at, event))
    others: list[Told] = [*draw(st.lists(INBOUND, max_size=5)), *draw(st.lists(HELD, max_size=4))]
    others.append(prepared(0, refs=(ANNA,)))
    others += draw(st.lists(PREPARED, max_size=3, unique_by=lambda event: event.message_id))
    for number, other in enumerate(others):
        identifier = identity.event_id(TYPE_OF[type(other)], ACME, str(number))
        happened.append(Happened(identifier, ACME, draw(TIMES), other))
    return happened


def _log(happened: list[Happened]) -> list[Record]:
    return [
        record(one.event, identifier=one.id, at=one.at, tenant=one.tenant, offset=offset)
        for offset, one in enumerate(happened)
    ]


def _tells(row: dict[str, object]) -> bool:
    return any(row[name] for name in ("emails", *KINDS))


def _slices(records: list[Record], cuts: list[int]) -> list[list[Record]]:
    edges = [0, *sorted(cut % (len(records) + 1) for cut in cuts), len(records)]
    return [records[start:end] for start, end in itertools.pairwise(edges)]


@settings(
    max_examples=80,
    # the database is emptied by the test itself, which is the point of the fixture's scope
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data(), happened=lives(), cuts=st.lists(st.integers(0, 99), max_size=5))
async def test_read_models_depend_on_nothing_but_what_happened(
    store: Store, data: st.DataObject, happened: list[Happened], cuts: list[int]
) -> None:
    await store.empty()
    repeated = data.draw(st.lists(st.sampled_from(happened), max_size=8)) if happened else []
    shuffled = data.draw(st.permutations([*happened, *repeated]))
    for part in _slices(_log(shuffled), cuts):
        assert await store.apply(part) == ()

    found = await store.tables()
    # A day that everything has left again may remain, with nothing on it.
    found["tenant_day"] = [row for row in found["tenant_day"] if _tells(row)]
    expected = oracle.tables(happened, LANE.partition)
    for name, rows in expected.items():
        assert found[name] == rows, name
    stated = await store.rows("first_fact", "tenant")
    told = named(stated, "tenant", "message_id", "ref", "type")
    assert set(told) == oracle.firsts(happened)
    assert await store.pool.fetchval("select count(*) from outbox") == len(told)
    history = {row["event_id"] for row in (*found["interaction"], *found["correspondence"])}
    assert history == {one.id for one in happened if isinstance(one.event, Hit | Inbound)}
