"""The services' metrics against the conventions that tools and people rely on."""

import re
from collections import Counter
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from deploy.families import Family, families
from deploy.local.ports import SERVICES
from services.alerts.metrics import Metrics as AlertsMetrics
from services.projector.metrics import Metrics as ProjectorMetrics
from services.runtime.kafka import Record
from services.runtime.lane_metrics import LaneMetrics
from services.runtime.leases import Lane
from services.runtime.slices import Run

ALL = [(service, family) for service in SERVICES for family in families(service)]
# What a label may be: words of closed lists, route templates, topics. No person, tenant, message or address.
LABELS = {
    *(
        "call",
        "check",
        "code",
        "human",
        "kind",
        "method",
        "outcome",
        "partition",
        "path",
        "pool",
        "python",
    ),
    *("reason", "result", "route", "rule", "state", "topic", "type", "version"),
}
OTHER_UNITS = re.compile(r"_(ms|millis\w*|micros\w*|minutes|kb|mb|percent)(_|$)")


@pytest.mark.parametrize(("service", "family"), ALL, ids=lambda one: getattr(one, "name", one))
def test_a_metric_keeps_the_conventions(service: str, family: Family) -> None:
    assert re.fullmatch(rf"inkling_{service}_[a-z0-9_]+", family.name)
    assert (family.kind == "counter") == family.name.endswith("_total")
    assert family.kind != "histogram" or family.name.endswith("_seconds")
    assert not OTHER_UNITS.search(family.name)
    assert set(family.labels) <= LABELS
    assert family.meaning.endswith(".")


@pytest.mark.parametrize("service", SERVICES)
def test_no_name_is_used_twice(service: str) -> None:
    names = Counter(name for family in families(service) for name in family.series())
    assert [name for name, number in names.items() if number > 1] == []


@pytest.mark.parametrize(
    ("service", "make"), [("projector", ProjectorMetrics), ("alerts", AlertsMetrics)]
)
def test_each_consumer_tells_how_late_records_are(
    service: str, make: Callable[[CollectorRegistry], LaneMetrics]
) -> None:
    registry = CollectorRegistry()
    record = Record("events", 3, 7, b"key", b"value", (), 1_000)
    make(registry).committed((Run(Lane("events", 3), [record]),), 0.01, 3_000_000)
    delay = f"inkling_{service}_record_delay_seconds_sum"
    assert registry.get_sample_value(delay, {"topic": "events"}) == 2
