"""The figures of the parts, as a scrape shows them."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from services.runtime.clock import Deadline, SystemClock
from services.runtime.config import load
from services.tracker.app import parts
from services.tracker.batches import Why
from services.tracker.config import Config
from services.tracker.entry import Where
from services.tracker.figures import Figures, Parts
from services.tracker.metrics import Metrics
from services.tracker.spool.bounds import Refusal
from services.tracker.workers.seat import ALONE
from tests.support.clock import ManualClock
from tests.tracker.spool.given import an_entry
from tests.tracker.spooling import Noting
from tests.tracker.test_config import GIVEN


def some_parts(folder: Path) -> Parts:
    config = load(Config, GIVEN | {"INKLING_TRACKER_SPOOL": str(folder)}, "tracker")
    return parts(config, ManualClock(), ALONE, Metrics(CollectorRegistry()))


async def test_every_figure_can_be_read_before_anything_was_opened(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    kept = some_parts(tmp_path)
    Figures(registry, kept)
    read = registry.get_sample_value
    assert read("inkling_tracker_circuit_open") == 1
    assert read("inkling_tracker_spool_limit_bytes") == kept.spool.account.bounds.bytes_allowed
    assert read("inkling_tracker_settings_known") == 0
    for why in Why:
        assert read("inkling_tracker_handed_to_spool_total", {"reason": why}) == 0
    for refusal in Refusal:
        assert read("inkling_tracker_spool_refused_total", {"reason": refusal}) == 0


async def test_a_figure_follows_whoever_keeps_it(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    kept = some_parts(tmp_path)
    Figures(registry, kept)
    kept.spool.account.taken += 3
    kept.journal.handed[Why.LATE] += 2
    read = registry.get_sample_value
    assert read("inkling_tracker_spool_taken_total") == 3
    assert read("inkling_tracker_handed_to_spool_total", {"reason": "late"}) == 2


async def test_hits_are_accounted_for_while_they_are_under_way(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    kept = some_parts(tmp_path)
    Figures(registry, kept)

    def under_way() -> dict[str, float | None]:
        name = "inkling_tracker_under_way"
        paths = ("object_store", "kafka", "spool")
        return {path: registry.get_sample_value(name, {"path": path}) for path in paths}

    assert under_way() == {"object_store": 0, "kafka": 0, "spool": 0}
    await kept.spool.open()
    waiter = Noting()
    kept.journal.write(an_entry(1), waiter)
    kept.counted.finding += 2
    assert under_way() == {"object_store": 2, "kafka": 0, "spool": 1}
    assert await waiter.told() is Where.SPOOL
    assert under_way() == {"object_store": 2, "kafka": 0, "spool": 0}
    await kept.spool.close(Deadline.after(SystemClock(), 20))


async def test_what_is_used_stands_beside_what_may_be(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    kept = some_parts(tmp_path)
    Figures(registry, kept)
    read = registry.get_sample_value
    limits, spool = kept.config.limits, kept.config.spool
    assert read("inkling_tracker_connections_limit") == limits.connections
    assert read("inkling_tracker_spool_age_limit_seconds") == spool.max_age_seconds
    assert read("inkling_tracker_unacknowledged_limit_bytes") == limits.bytes_in_flight
