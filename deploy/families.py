"""Every metric that the services have, from the objects that make them; nothing is started for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from services.alerts.metrics import Metrics as AlertsMetrics
from services.projector.metrics import Metrics as ProjectorMetrics
from services.projector.query.failures import Failures
from services.rewriter.app import watch as watch_rewriter
from services.rewriter.metrics import Metrics as RewriterMetrics
from services.rewriter.settings import Settings
from services.runtime.clock import SystemClock
from services.runtime.collectors import Readings
from services.runtime.config import SERVICES, load
from services.runtime.lifecycle import ReadinessChecks
from services.runtime.operations import describe
from services.runtime.postgres import Pool
from services.runtime.publisher import Publisher
from services.runtime.web import RequestMetrics
from services.tracker.app import parts
from services.tracker.config import Config as TrackerConfig
from services.tracker.figures import Figures
from services.tracker.front.traffic import Traffic
from services.tracker.metrics import Metrics as TrackerMetrics
from services.tracker.workers.seat import ALONE

# What prometheus_client tells of a process where there is a /proc, under each service's prefix.
PROCESS: Final = (
    "process_virtual_memory_bytes",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
)
_TRACKER: Final = {
    "INKLING_KAFKA_SERVERS": "127.0.0.1:1",
    "INKLING_OBJECT_STORE": "file:///nowhere",
    "INKLING_TRACKER_SPOOL": "/nowhere",
    "INKLING_TOKEN_KEYS": "0:" + "00" * 32,
}
_SUFFIXES: Final = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric as it is documented; `name` is a counter's with its `_total`."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str

    def series(self) -> tuple[str, ...]:
        """Return the names under which a query finds it."""
        stem = self.name.removesuffix("_total") if self.kind == "counter" else self.name
        return tuple(stem + suffix for suffix in _SUFFIXES[self.kind])


def families(service: str) -> list[Family]:
    """Return what a service tells of itself, by name; what `PROCESS` lists comes beside."""
    return sorted(_read(_registry(service), service), key=lambda family: family.name)


def series() -> frozenset[str]:
    """Return every name of a service that a query may use."""
    own = {name for service in SERVICES for family in families(service) for name in family.series()}
    return frozenset(
        own | {f"inkling_{service}_{name}" for service in SERVICES for name in PROCESS}
    )


def _registry(service: str) -> CollectorRegistry:
    registry = CollectorRegistry()
    readings = Readings(service, registry)
    publisher = Publisher("127.0.0.1:1", service, SystemClock())
    pool = Pool("postgresql://127.0.0.1:1/", application=service, schema=service)
    describe(service, registry, ReadinessChecks())
    match service:
        case "tracker":
            config = load(TrackerConfig, _TRACKER, service)
            Figures(registry, parts(config, SystemClock(), ALONE, TrackerMetrics(registry)))
            Traffic(registry)
        case "rewriter":
            RewriterMetrics(registry)
            RequestMetrics(service, registry)
            watch_rewriter(readings, Settings(), publisher)
        case "projector":
            ProjectorMetrics(registry)
            Failures(registry)
            RequestMetrics(service, registry)
            readings.publisher(publisher)
            readings.pool("writer", pool)
        case "alerts":
            AlertsMetrics(registry)
            RequestMetrics(service, registry)
            readings.pool("writer", pool)
        case _:
            message = f"no service {service}"
            raise ValueError(message)
    return registry


def _read(registry: CollectorRegistry, service: str) -> Iterator[Family]:
    # The registry's public face gives labels only of series that exist already.
    for collector in registry._collector_to_names:  # noqa: SLF001
        labels = (
            collector._labelnames  # noqa: SLF001
            if isinstance(collector, MetricWrapperBase)
            else None
        )
        for found in collector.collect():
            if found.name.startswith(f"inkling_{service}_process_"):
                continue
            name = f"{found.name}_total" if found.type == "counter" else found.name
            names = getattr(found, "_labelnames", ()) if labels is None else labels
            yield Family(
                name=name, kind=found.type, labels=tuple(names), meaning=found.documentation
            )
