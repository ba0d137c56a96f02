"""What a consumer tells of its lanes."""

from time import time

import pytest
from prometheus_client import CollectorRegistry

from services.runtime.kafka import Record
from services.runtime.lane_metrics import LaneMetrics
from services.runtime.leases import Lane
from services.runtime.slices import Run

LANE = Lane("events", 3)
NOW = 1_800_000_000_000_000
LABELS = {"topic": "events", "partition": "3"}


def a_record(seconds_ago: float) -> Record:
    recorded_at = NOW // 1000 - round(seconds_ago * 1000)
    return Record("events", 3, 7, b"key", b"value", (), recorded_at)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> LaneMetrics:
    return LaneMetrics("projector", registry, ["schema"])


def test_a_slice_tells_up_to_when_its_lane_is_complete(
    registry: CollectorRegistry, metrics: LaneMetrics
) -> None:
    metrics.committed((Run(LANE, [a_record(40), a_record(2)]),), 0.01, NOW)
    value = registry.get_sample_value
    complete = value("inkling_projector_lane_complete_timestamp_seconds", LABELS)
    assert complete == NOW / 1_000_000 - 2
    delays = {"topic": "events", "le": "30.0"}
    assert value("inkling_projector_record_delay_seconds_bucket", delays) == 1
    assert value("inkling_projector_record_delay_seconds_count", {"topic": "events"}) == 2


def test_a_lane_at_its_end_is_complete_up_to_now(
    registry: CollectorRegistry, metrics: LaneMetrics
) -> None:
    before = time()
    metrics.lag(LANE, 0)
    value = registry.get_sample_value
    at_end = value("inkling_projector_lane_complete_timestamp_seconds", LABELS) or 0
    assert before <= at_end <= time()
    metrics.lag(LANE, 5)
    assert value("inkling_projector_lane_complete_timestamp_seconds", LABELS) == at_end
    assert value("inkling_projector_lag_records", LABELS) == 5
    assert value("inkling_projector_lanes") == 1


def test_a_lane_that_is_claimed_tells_up_to_when_it_was_complete(
    registry: CollectorRegistry, metrics: LaneMetrics
) -> None:
    complete = "inkling_projector_lane_complete_timestamp_seconds"
    metrics.claimed(LANE, 1_700_000_000.5)
    assert registry.get_sample_value(complete, LABELS) == 1_700_000_000.5
    metrics.claimed(LANE, None)
    assert registry.get_sample_value(complete, LABELS) == 0


def test_a_lane_that_is_given_up_is_no_longer_told_of(
    registry: CollectorRegistry, metrics: LaneMetrics
) -> None:
    metrics.lag(LANE, 0)
    metrics.halted(LANE, "log_is_another")
    value = registry.get_sample_value
    assert value("inkling_projector_halted", LABELS) == 1
    metrics.lag(LANE, None)
    for name in ("lane_complete_timestamp_seconds", "lag_records", "halted"):
        assert value(f"inkling_projector_{name}", LABELS) is None
    assert value("inkling_projector_lanes") == 0


def test_every_reason_is_there_before_the_first_refusal(
    registry: CollectorRegistry, metrics: LaneMetrics
) -> None:
    for reason in ("schema", "refused_by_database"):
        labels = {"reason": reason}
        assert registry.get_sample_value("inkling_projector_quarantined_total", labels) == 0
    metrics.quarantined(LANE, "schema", 2)
    assert (
        registry.get_sample_value("inkling_projector_quarantined_total", {"reason": "schema"}) == 2
    )


def test_what_kafka_was_told_is_counted(registry: CollectorRegistry, metrics: LaneMetrics) -> None:
    for done in (True, False, True):
        metrics.group_commit(done)
    counted = "inkling_projector_group_commits_total"
    assert registry.get_sample_value(counted, {"outcome": "taken"}) == 2
    assert registry.get_sample_value(counted, {"outcome": "failed"}) == 1


def test_what_the_tables_say_is_shown_and_a_reason_that_is_gone_is_none(
    registry: CollectorRegistry, metrics: LaneMetrics
) -> None:
    metrics.stands(2, 50, {"late": 3, "schema": 1})
    metrics.stands(0, 50, {"schema": 2})
    value = registry.get_sample_value
    assert value("inkling_projector_unheld_lanes") == 0
    assert value("inkling_projector_gap_records") == 50
    assert value("inkling_projector_quarantine_waiting", {"reason": "late"}) == 0
    assert value("inkling_projector_quarantine_waiting", {"reason": "schema"}) == 2
