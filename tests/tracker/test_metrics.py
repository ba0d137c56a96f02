"""What an operator sees of a tracker."""

from prometheus_client import CollectorRegistry

from services.tracker.metrics import Kind, Metrics, Outcome, Reason


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
