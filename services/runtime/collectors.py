"""Figures that parts of the runtime keep for themselves, read when somebody asks for the metrics."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.runtime.postgres import Pool
from services.runtime.publisher import Publisher


class _Counting(Collector):
    """A counter whose number somebody else keeps."""

    def __init__(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        self._name = name
        self._meaning = meaning
        self._read = read

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(self._name, self._meaning, value=self._read())


class Readings:
    """Shows the figures of one service's parts under its name."""

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        self._prefix: Final = f"inkling_{service}"
        self.registry: Final = registry
        self._pools: dict[str, Pool] = {}

    def gauge(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Show what goes up and down."""
        Gauge(f"{self._prefix}_{name}", meaning, registry=self.registry).set_function(read)

    def counter(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Show what only grows; `_total` is added to its name."""
        self.registry.register(_Counting(f"{self._prefix}_{name}", meaning, read))

    def publisher(self, publisher: Publisher) -> None:
        """Show what waits for Kafka, and how often the way to it broke."""
        self.gauge(
            "unacknowledged_bytes",
            "Bytes that await Kafka's acknowledgement; near the limit, more is refused at once.",
            lambda: publisher.bytes_in_flight,
        )
        self.gauge(
            "unacknowledged_limit_bytes",
            "How many bytes may await acknowledgement.",
            lambda: publisher.bytes_allowed,
        )
        self.gauge(
            "oldest_unacknowledged_seconds",
            "Age of the oldest record that awaits acknowledgement; it is given up at the publisher's deadline.",
            publisher.oldest_seconds,
        )
        self.counter(
            "producer_incarnations",
            "Producers built so far; a rise means that Kafka failed a batch or went away.",
            lambda: publisher.incarnations,
        )
        self.counter(
            "publish_acknowledged",
            "Records that Kafka acknowledged.",
            lambda: publisher.acknowledged,
        )
        self.counter(
            "publish_failed",
            "Records given up: Kafka refused them or did not acknowledge them in time.",
            lambda: publisher.failed,
        )
        self.counter(
            "publish_refused",
            "Records not taken because too many bytes were unacknowledged, or the process was stopping.",
            lambda: publisher.refused,
        )

    def pool(self, use: str, pool: Pool) -> None:
        """Show the connections of a pool to PostgreSQL, by what it is for."""
        if not self._pools:
            self.registry.register(_Pools(self._prefix, self._pools))
        self._pools[use] = pool


class _Pools(Collector):
    def __init__(self, prefix: str, pools: Mapping[str, Pool]) -> None:
        self._prefix = prefix
        self._pools = pools

    def collect(self) -> Iterator[Metric]:
        gauges: tuple[tuple[str, str, Callable[[Pool], float]], ...] = (
            (
                "connections_in_use",
                "Connections lent out; at the limit, others wait.",
                lambda pool: pool.in_use,
            ),
            ("connections_limit", "Connections that a pool may have.", lambda pool: pool.size),
            (
                "waiting",
                "Callers that wait for a connection; above 0 for long, PostgreSQL is slow or the pool is too small.",
                lambda pool: pool.waiting,
            ),
        )
        counters: tuple[tuple[str, str, Callable[[Pool], float]], ...] = (
            ("lent", "Connections lent.", lambda pool: pool.lent),
            (
                "wait_seconds",
                "Time that callers waited for a connection; divided by those lent, the mean.",
                lambda pool: pool.waited_seconds,
            ),
        )
        for name, meaning, read in gauges:
            gauge = GaugeMetricFamily(f"{self._prefix}_pool_{name}", meaning, labels=["pool"])
            for use, pool in self._pools.items():
                gauge.add_metric([use], read(pool))
            yield gauge
        for name, meaning, read in counters:
            counter = CounterMetricFamily(f"{self._prefix}_pool_{name}", meaning, labels=["pool"])
            for use, pool in self._pools.items():
                counter.add_metric([use], read(pool))
            yield counter
