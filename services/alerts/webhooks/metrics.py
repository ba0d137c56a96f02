"""What webhooks tell of themselves; labels come from closed lists, never from tenants or URLs."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.alerts.webhooks.kinds import Dead, Disabled, Result

_SECOND: Final = 1_000_000
# Up to where an endpoint that was down for long is reached again.
_DELAY_BUCKETS: Final = (
    0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 21_600, 86_400, 345_600,
)  # fmt: skip
_CALL_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20)


class WebhookMetrics:
    """The counters and gauges of webhooks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._made = Counter(
            "inkling_alerts_webhook_made",
            "Deliveries made: one for each fact and endpoint that wants it.",
            registry=registry,
        )
        self._attempts = Counter(
            "inkling_alerts_webhook_attempts",
            "Calls to endpoints, by what they came to; one endpoint that fails shows in its own log.",
            ["result"],
            registry=registry,
        )
        self._dead = Counter(
            "inkling_alerts_webhook_dead_letters",
            "Deliveries given up, by reason; each can be replayed at its endpoint's door.",
            ["reason"],
            registry=registry,
        )
        self._disabled = Counter(
            "inkling_alerts_webhook_disabled",
            "Endpoints that were disabled, by reason; their door says so to their tenant.",
            ["reason"],
            registry=registry,
        )
        self._late = Counter(
            "inkling_alerts_webhook_late_results",
            "Results that came after another attempt had begun, or the endpoint was deleted; not written.",
            registry=registry,
        )
        self._delay = Histogram(
            "inkling_alerts_webhook_delay_seconds",
            "From what happened (the edge's clock) to the endpoint's 2xx; tests and replays left out.",
            buckets=_DELAY_BUCKETS,
            registry=registry,
        )
        self._call = Histogram(
            "inkling_alerts_webhook_call_seconds",
            "How long calls to endpoints took, whatever they came to.",
            buckets=_CALL_BUCKETS,
            registry=registry,
        )
        self.in_flight: Final = Gauge(
            "inkling_alerts_webhook_in_flight",
            "Deliveries that this process has claimed and not yet recorded.",
            registry=registry,
        )
        self._pending = Gauge(
            "inkling_alerts_webhook_pending",
            "Deliveries that wait, of all processes, those of endpoints in trouble included.",
            registry=registry,
        )
        self._age = Gauge(
            "inkling_alerts_webhook_queue_age_seconds",
            "How long the oldest delivery waits past its time, endpoints that fail left out; growing: too few workers.",
            registry=registry,
        )
        self._endpoints = Gauge(
            "inkling_alerts_webhook_endpoints",
            "Endpoints there are, of all tenants.",
            ["state"],
            registry=registry,
        )
        # Each is there from the start, so that its first increase is seen as one.
        for result in Result:
            self._attempts.labels(result)
        for dead in Dead:
            self._dead.labels(dead)
        for reason in (Disabled.GONE, Disabled.FAILING):
            self._disabled.labels(reason)

    def made(self, number: int) -> None:
        """Count deliveries that were made."""
        self._made.inc(number)

    def attempted(self, result: Result, seconds: float) -> None:
        """Count one call."""
        self._attempts.labels(result).inc()
        self._call.observe(seconds)

    def delivered(self, occurred_at: int, now: int) -> None:
        """Tell how long after the event its delivery was taken."""
        self._delay.observe(max(0, now - occurred_at) / _SECOND)

    def died(self, reason: Dead, number: int = 1) -> None:
        """Count deliveries given up."""
        self._dead.labels(reason).inc(number)

    def disabled(self, reason: Disabled) -> None:
        """Count an endpoint that was disabled."""
        self._disabled.labels(reason).inc()

    def late(self, number: int) -> None:
        """Count results that were not written."""
        self._late.inc(number)

    def looked(self, *, pending: int, age_seconds: float, enabled: int, disabled: int) -> None:
        """Tell what the tables hold."""
        self._pending.set(pending)
        self._age.set(age_seconds)
        self._endpoints.labels("enabled").set(enabled)
        self._endpoints.labels("disabled").set(disabled)
