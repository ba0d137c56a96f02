"""The private door, for operators and machines: is it alive, is it ready, what does it count."""

import asyncio
import platform
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from services.runtime.config import DoorConfig
from services.runtime.lifecycle import Life, ReadinessChecks
from services.runtime.web import answer, application, serve

_BEAT_SECONDS: Final = 0.5
# A loop that was blocked this long at its last beat cannot keep any promise about time.
_BLOCKED_SECONDS: Final = 5.0
_DELAY_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
# The private door reads no bodies.
_MAX_BODY_BYTES: Final = 1024


class Heartbeat:
    """Measures how late the event loop is: something that blocks it shows here first."""

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        self._delay = Histogram(
            f"inkling_{service}_loop_delay_seconds",
            "How late the event loop ran its beats, two a second; above 0.1 something blocks it.",
            buckets=_DELAY_BUCKETS,
            registry=registry,
        )
        self._last_lag = 0.0

    async def beat(self) -> None:
        """Measure for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _BEAT_SECONDS
            await asyncio.sleep(_BEAT_SECONDS)
            self.observe(max(0.0, loop.time() - due))

    def observe(self, lag_seconds: float) -> None:
        """Take one measurement."""
        self._last_lag = lag_seconds
        self._delay.observe(lag_seconds)

    def problem(self) -> str | None:
        """Return None while the loop turns, else how late it is."""
        if self._last_lag < _BLOCKED_SECONDS:
            return None
        return f"the event loop was blocked for {self._last_lag:.1f} s"


class Readiness(Collector):
    """Shows each readiness check as a number, so that what `/readyz` says can be seen over time."""

    def __init__(self, service: str, checks: ReadinessChecks) -> None:
        self._service = service
        self._checks = checks

    def collect(self) -> Iterator[Metric]:
        """Ask every check."""
        family = GaugeMetricFamily(
            f"inkling_{self._service}_check_failed",
            "1 for a readiness check that fails; `/readyz?verbose` of the process says why.",
            labels=["check"],
        )
        for name, problem in self._checks.problems().items():
            family.add_metric([name], 0 if problem is None else 1)
        yield family


def describe(service: str, registry: CollectorRegistry, checks: ReadinessChecks) -> Heartbeat:
    """Register what every process tells of itself; the heartbeat is still to be run."""
    build = Gauge(
        f"inkling_{service}_build_info",
        "1, with the version that runs; more than one at a time while a new one is rolled out.",
        ["version", "python"],
        registry=registry,
    )
    build.labels(our_version(), platform.python_version()).set(1)
    ProcessCollector(namespace=f"inkling_{service}", registry=registry)
    registry.register(Readiness(service, checks))
    return Heartbeat(service, registry)


@asynccontextmanager
async def operate(doors: DoorConfig, life: Life, registry: CollectorRegistry) -> AsyncIterator[int]:
    """Serve the private door while the context is open, giving its port.

    Open it first and close it last, so that a slow start and a drain can be watched.
    """
    # A third of all series, which no query of ours reads.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # theirs has no types
    heartbeat = describe(life.service, registry, life.checks)
    app = private_application(life, registry, heartbeat)
    beating = life.tasks.create_task(heartbeat.beat(), name="heartbeat")
    try:
        async with serve(app, doors.private_host, doors.private_port, life) as port:
            yield port
    finally:
        beating.cancel()


def private_application(
    life: Life, registry: CollectorRegistry, heartbeat: Heartbeat
) -> web.Application:
    """Build the application of the private door."""

    async def live(request: web.Request) -> web.Response:
        problem = heartbeat.problem()
        return answer({"alive": problem is None, "reason": problem}, _status(problem is None))

    async def ready(request: web.Request) -> web.Response:
        draining = life.stopping.is_set()
        checks = life.checks.problems()
        is_ready = not draining and not any(checks.values())
        told: dict[str, object] = {"ready": is_ready}
        if "verbose" in request.query:
            told |= {
                "draining": draining,
                "checks": {name: problem or "ok" for name, problem in checks.items()},
            }
        return answer(told, _status(is_ready))

    async def expose(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    async def show_version(request: web.Request) -> web.Response:
        return answer(
            {
                "service": life.service,
                "version": our_version(),
                "python": platform.python_version(),
            }
        )

    routes = [
        web.get("/livez", live),
        web.get("/readyz", ready),
        web.get("/metrics", expose),
        web.get("/version", show_version),
    ]
    return application(
        routes, openapi=None, verifier=None, max_body_bytes=_MAX_BODY_BYTES, metrics=None
    )


def our_version() -> str:
    """Return the version that is installed; a source tree without installation has none."""
    try:
        return version("inkling")
    except PackageNotFoundError:
        return "unreleased"


def _status(is_well: bool) -> int:
    return HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
