"""The operator's verbs about the projector's lanes and quarantine; what they do is `services.runtime.operator`'s."""

from collections.abc import Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry

from services.projector import reading
from services.projector.app import SCHEMA, TOPICS
from services.projector.apply import ReadModels
from services.projector.config import Config
from services.projector.metrics import Metrics
from services.projector.staging import Slice
from services.runtime.clock import SystemClock
from services.runtime.operator import lane_verbs, quarantine_verbs
from services.runtime.operator.command import Service
from services.runtime.quarantine import Refusal
from services.runtime.records import Record


class _LateToo(ReadModels):
    """The fold, with what was recorded too late: an operator's choice, since it may have been counted before."""

    def take(self, ready: Slice, record: Record) -> Refusal | None:
        """Read, admit and judge a record, however late it is."""
        return reading.take(ready, record, accept_late=True)


def _fold(accept_late: bool) -> ReadModels:
    # What it counts nobody reads; facts lie in the outbox, where whoever holds the lane finds them.
    fold = _LateToo if accept_late else ReadModels
    return fold(SystemClock(), Metrics(CollectorRegistry()), lambda _lane: None)


_SERVICE: Final[Service[Slice]] = Service(
    name="projector",
    schema=SCHEMA,
    config=Config,
    compacted=[plan.topic for plan in TOPICS if not plan.anchored],
    fold=_fold,
    lateness=True,
)


def lanes(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Show the lanes, or do what a verb says about one."""
    return lane_verbs.lanes(_SERVICE, environ, arguments)


def quarantine(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Do what a verb says about records set aside."""
    return quarantine_verbs.quarantine(_SERVICE, environ, arguments)
