"""What an operator sees of a tracker."""

from prometheus_client import CollectorRegistry

from services.runtime.publisher import Publisher
from services.tracker import metrics
from services.tracker.metrics import Kind, Metrics, Outcome, Reason
from tests.support.clock import ManualClock


def test_every_series_is_there_before_the_first_hit() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    for kind in Kind:
        assert registry.get_sample_value("inkling_tracker_received_total", {"kind": kind}) == 0
        for outcome in Outcome:
            labels = {"kind": kind.value, "outcome": outcome.value}
            assert registry.get_sample_value("inkling_tracker_hits_total", labels) == 0
        labels = {"kind": kind.value, "reason": Reason.BODY.value}
        assert registry.get_sample_value("inkling_tracker_refused_total", labels) == 0


def test_the_publishers_figures_are_read_when_asked() -> None:
    registry = CollectorRegistry()
    publisher = Publisher("127.0.0.1:1", "test", ManualClock())
    metrics.watch(publisher, registry)
    publisher.incarnations, publisher.bytes_in_flight = 3, 4096
    assert registry.get_sample_value("inkling_tracker_producer_incarnations") == 3
    assert registry.get_sample_value("inkling_tracker_bytes_in_flight") == 4096
    assert registry.get_sample_value("inkling_tracker_oldest_unacknowledged_seconds") == 0
