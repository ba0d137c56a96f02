"""The operator's verbs about the lanes and the quarantine of alerts; what they do is `services.runtime.operator`'s."""

from collections.abc import Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry

from services.alerts.app import SCHEMA, TOPICS
from services.alerts.apply import Inbox
from services.alerts.config import Config
from services.alerts.facts import Slice
from services.alerts.metrics import Metrics
from services.runtime.clock import SystemClock
from services.runtime.operator import lane_verbs, quarantine_verbs
from services.runtime.operator.command import Service


def _fold(_accept_late: bool) -> Inbox:
    # Streams and webhooks of the running services find what is new by looking at the tables.
    metrics = Metrics(CollectorRegistry())
    return Inbox(SystemClock(), metrics, lambda _whose: None, lambda _endpoints: None)


_SERVICE: Final[Service[Slice]] = Service(
    name="alerts",
    schema=SCHEMA,
    config=Config,
    compacted=[plan.topic for plan in TOPICS if not plan.anchored],
    fold=_fold,
)


def lanes(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Show the lanes, or do what a verb says about one."""
    return lane_verbs.lanes(_SERVICE, environ, arguments)


def quarantine(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Do what a verb says about records set aside."""
    return quarantine_verbs.quarantine(_SERVICE, environ, arguments)
