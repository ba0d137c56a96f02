"""Prometheus' rules, as far as they can be judged without Prometheus; `make interop` does the rest."""

import re
from collections import Counter, defaultdict
from typing import Any

import pytest
import yaml

from deploy.local.ports import SERVICES, Ports
from tests.support.monitoring import (
    DEPLOY,
    PROMETHEUS,
    Query,
    alerts,
    rule_queries,
    rules,
    unknown_names,
)

RUNBOOK = DEPLOY.parent / "docs" / "runbook.md"
ALERTS = alerts()


def headings() -> set[str]:
    return {
        re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", RUNBOOK.read_text("utf-8"), re.MULTILINE)
    }


def expectations() -> dict[str, set[bool]]:
    """For each alert that promtool is asked about: whether it is expected to fire, and not to."""
    found: dict[str, set[bool]] = defaultdict(set)
    for path in (PROMETHEUS / "tests").glob("*.yml"):
        for test in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            for asked in test["alert_rule_test"]:
                found[asked["alertname"]].add(bool(asked["exp_alerts"]))
    return found


def test_each_service_is_scraped_at_its_private_port() -> None:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    targets = {
        job["job_name"]: [target for each in job["static_configs"] for target in each["targets"]]
        for job in config["scrape_configs"]
    }
    compose = yaml.safe_load((DEPLOY / "compose.yml").read_text("utf-8"))
    workers = compose["services"]["tracker"]["environment"]["INKLING_TRACKER_WORKERS"]
    wanted = {service: [f"{service}:{Ports().private(service)}"] for service in SERVICES}
    wanted["tracker"] = [f"tracker:{Ports().private('tracker', each)}" for each in range(workers)]
    assert workers > 1
    assert targets == wanted
    assert config["rule_files"] == ["rules/*.yml"]


@pytest.mark.parametrize("query", rule_queries(), ids=lambda query: query.place)
def test_a_rule_asks_only_for_what_somebody_makes(query: Query) -> None:
    assert unknown_names(query.text) == set()


def test_alerts_have_names_of_their_own() -> None:
    names = Counter(rule["alert"] for rule in rules() if "alert" in rule)
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("rule", ALERTS.values(), ids=ALERTS)
def test_an_alert_says_how_urgent_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["labels"]["service"] == "{{ $labels.job }}"
    assert rule["annotations"].keys() == {"summary", "runbook_url"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert (page, anchor) == ("docs/runbook.md", rule["alert"].lower())
    assert anchor in headings()


def test_every_alert_is_shown_firing_and_silent() -> None:
    assert expectations() == {name: {True, False} for name in ALERTS}
