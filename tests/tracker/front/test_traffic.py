"""What is counted of connections is shown."""

from prometheus_client import CollectorRegistry

from services.tracker.front.traffic import Cut, Refusal, Traffic


def test_all_of_it_is_shown() -> None:
    registry = CollectorRegistry()
    traffic = Traffic(registry)
    traffic.accepted, traffic.open, traffic.handed = 5, 3, 2
    traffic.refused[Refusal.ADDRESS] += 4
    traffic.cut[Cut.HEAD] += 6

    def shown(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"inkling_tracker_connections{name}", labels)

    assert shown("") == 3
    assert shown("_accepted_total") == 5
    assert shown("_handed_total") == 2
    assert shown("_refused_total", reason="address") == 4
    assert shown("_refused_total", reason="process") == 0
    assert shown("_cut_total", reason="head") == 6
    assert [shown("_cut_total", reason=why) for why in ("idle", "write", "malformed", "drain")] == [
        0
    ] * 4
