"""What the encounter with KEDA's questions goes by: KEDA's arithmetic, and what must be seen."""

import json
from collections import Counter
from uuid import UUID

import pytest

from schemas import topics
from services.alerts.app import GROUP as ALERTS
from services.projector.app import GROUP as PROJECTOR
from tests.faults.ledger import Part
from tests.interop._scaling import (
    NOT_COMMITTED,
    ScalerError,
    Seen,
    Trigger,
    active,
    behind,
    metric,
    parsed,
    replicas,
    row,
    sent,
)
from tests.interop.lag import GRANTED, HITS, SOURCE, THRESHOLD, TRIGGERS, UNBOUNDED, WANTED, moved

EVENTS = topics.EVENTS.name


def lanes(*lags: int, topic: str = EVENTS) -> list[Seen]:
    return [Seen(topic, number, 5, 5 + lag) for number, lag in enumerate(lags)]


def test_an_answer_is_read_and_anything_else_is_not() -> None:
    one = {"topic": "t", "partition": 3, "committed": -1, "newest": 9}
    assert parsed(json.dumps({"partitions": [one]}).encode()) == [Seen("t", 3, NOT_COMMITTED, 9)]
    assert parsed(b'{"partitions": []}') == []
    with pytest.raises(ScalerError, match="no leader"):
        parsed(b'{"partitions": null, "error": "no leader"}')
    for line in (b"", b"[]", b"{}", b'{"partitions": [{"topic": "t"}]}', b'{"partitions": null}'):
        with pytest.raises(ScalerError, match="not an answer"):
            parsed(line)


def test_a_trigger_is_asked_by_the_names_of_its_metadata() -> None:
    line = Trigger(group="g", topic="t", threshold=60).line()
    assert line.endswith(b"\n")
    assert json.loads(line) == {"consumerGroup": "g", "topic": "t"}


@pytest.mark.parametrize(
    ("lags", "wanted"),
    [([0, 0], 1), ([1, 0], 1), ([10, 0], 1), ([11, 0], 2), ([15, 6], 3), ([900, 100], 2)],
)
def test_replicas_are_the_lag_by_the_threshold_and_no_more_than_lanes(
    lags: list[int], wanted: int
) -> None:
    # 21 records on two lanes are three replicas still: KEDA divides without a rest before it compares with the bound.
    assert replicas(Trigger(group="g"), lanes(*lags)) == wanted
    assert active(lanes(*lags)) is (sum(lags) > 0)


def test_a_trigger_may_lift_the_bound_or_draw_it_closer() -> None:
    seen = lanes(900, 100, 0)
    assert replicas(Trigger(group="g"), seen) == 3
    assert replicas(Trigger(group="g", allow_idle=True), seen) == 100
    assert replicas(Trigger(group="g", only_lagging=True), seen) == 2
    assert metric(Trigger(group="g", threshold=400), seen) == 1000


def test_a_lane_without_an_offset_counts_as_one_record() -> None:
    seen = [Seen("t", 0, NOT_COMMITTED, 1000), Seen("t", 1, 4, 4)]
    assert metric(Trigger(group="g"), seen) == 1
    assert active(seen)
    assert behind(seen, {0: 1}) == ["t/0 has no committed offset"]


def test_what_lags_otherwise_than_expected_is_named() -> None:
    assert behind(lanes(3, 0), {0: 3}) == []
    assert behind(lanes(3, 0), {}) == [f"{EVENTS}/0 lags 3, expected 0"]
    assert behind(lanes(2, 1), {0: 3}) == [
        f"{EVENTS}/0 lags 2, expected 3",
        f"{EVENTS}/1 lags 1, expected 0",
    ]
    assert behind([], {}) == ["no partition is seen"]


def test_what_was_sent_is_counted_by_the_lane_of_its_message() -> None:
    one, other = UUID(int=1), UUID(int=2)
    hits = Counter({Part(str(one), None): 3, Part(str(one), 0): 2, Part(str(other), None): 4})
    of = [topics.partition_of(topics.message_key(each), 8) for each in (one, other)]
    assert of == [7, 5]
    assert sent(hits, 8) == {7: 5, 5: 4}


def test_only_the_events_of_a_stopped_projector_may_grow_and_by_what_was_sent() -> None:
    before = {trigger: lanes(0, 0, topic=trigger.topic) for trigger in TRIGGERS}
    events = next(one for one in TRIGGERS if one.topic == EVENTS)
    grown = before | {events: lanes(7, 0)}
    assert moved(before, grown, {0: 7}) == []
    assert len(moved(before, grown, {0: 6})) == 1
    assert len(moved(before, grown, {0: 7, 1: 1})) == 1
    went_on = before | {events: [Seen(EVENTS, 0, 6, 12), Seen(EVENTS, 1, 5, 5)]}
    assert len(moved(before, went_on, {0: 7})) == 1
    alerts = {one: lanes(9, 9, topic=one.topic) for one in TRIGGERS if one.group == ALERTS}
    assert moved(before, grown | alerts, {0: 7}) == []


def test_the_table_has_a_line_for_each_topic_of_both_groups() -> None:
    assert {one.group for one in TRIGGERS} == {PROJECTOR, ALERTS}
    assert len(TRIGGERS) == 5
    words = row(TRIGGERS[0], lanes(100, 20)).split()
    assert words == [PROJECTOR, EVENTS, "2", "10", "130", "120", "yes", "2"]


def test_the_replicas_expected_are_what_the_hits_are_worth() -> None:
    spread = lanes(*[HITS // 4] * 4, 0, 0, 0, 0)
    trigger = Trigger(group=PROJECTOR, topic=EVENTS)
    assert replicas(Trigger(group=PROJECTOR, topic=EVENTS, threshold=THRESHOLD), spread) == WANTED
    assert replicas(trigger, spread) == GRANTED
    assert replicas(Trigger(group=PROJECTOR, allow_idle=True), spread) == UNBOUNDED


def test_the_go_module_is_pinned_with_hashes() -> None:
    required = [
        line.split()[:2]
        for line in (SOURCE / "go.mod").read_text().replace("require ", "").splitlines()
        if " v" in line
    ]
    hashed = {tuple(line.split()[:2]) for line in (SOURCE / "go.sum").read_text().splitlines()}
    assert ["github.com/IBM/sarama", "v1.45.1"] in required
    assert [one for one in required if tuple(one) not in hashed] == []
