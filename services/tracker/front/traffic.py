"""What the public port counts of its connections, whatever is asked on them."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Refusal(StrEnum):
    """Why a connection was closed as soon as it was made."""

    PROCESS = "process"
    """This process has as many as it may."""
    ADDRESS = "address"
    """Its address has."""


class Cut(StrEnum):
    """Why a connection was ended from here, beside what HTTP asks for."""

    HEAD = "head"
    """The head of a request did not come in time."""
    IDLE = "idle"
    """No request came."""
    WRITE = "write"
    """The answers were not read."""
    MALFORMED = "malformed"
    """What came was no request; it was told so."""
    DRAIN = "drain"
    """A request outlasted its share of the drain."""


class Traffic(Collector):
    """The connections of one process; plain numbers, incremented in place."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.accepted = 0
        self.open = 0
        self.handed = 0
        self.refused: Final = dict.fromkeys(Refusal, 0)
        self.cut: Final = dict.fromkeys(Cut, 0)
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Show them."""
        yield GaugeMetricFamily(
            "inkling_tracker_connections",
            "Connections of the public port that are open.",
            self.open,
        )
        yield CounterMetricFamily(
            "inkling_tracker_connections_accepted",
            "Connections that the public port took.",
            self.accepted,
        )
        yield CounterMetricFamily(
            "inkling_tracker_connections_handed",
            "Connections on which something else than a pixel or a link was asked for.",
            self.handed,
        )
        yield _counter(
            "inkling_tracker_connections_refused",
            "Connections closed at once, by whose limit was reached: this process's or their address's.",
            self.refused.items(),
        )
        yield _counter(
            "inkling_tracker_connections_cut",
            "Connections ended from here, by reason; `head` and `write` rise when somebody drips bytes.",
            self.cut.items(),
        )


def _counter(name: str, meaning: str, rows: Iterable[tuple[StrEnum, int]]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=("reason",))
    for reason, number in rows:
        family.add_metric([reason.value], number)
    return family
