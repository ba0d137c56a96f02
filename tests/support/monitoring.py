"""Prometheus' rules and Grafana's dashboards as data: each query with the place it stands in."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import promql_parser
import yaml

from deploy.families import series

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
PROMETHEUS: Final = DEPLOY / "prometheus"
DASHBOARDS: Final = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
# What Prometheus itself makes.
_ITS_OWN: Final = frozenset({"up"})
_VARIABLE: Final = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query and where it stands, for a person to find it."""

    place: str
    text: str


def rules() -> Iterator[dict[str, Any]]:
    """Every recording and alert rule, in order."""
    for path in sorted((PROMETHEUS / "rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]:
            yield from group["rules"]


def alerts() -> dict[str, dict[str, Any]]:
    """The alert rules by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded() -> frozenset[str]:
    """The names that recording rules make."""
    return frozenset(rule["record"] for rule in rules() if "record" in rule)


def dashboard(path: Path) -> dict[str, Any]:
    """One dashboard."""
    board: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return board


def panels(board: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a dashboard shows, its rows left out."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def panel_queries(range_seconds: int = 300) -> list[Query]:
    """Every query of every panel, with Grafana's variables filled in."""
    found = []
    for path in DASHBOARDS:
        for panel in panels(dashboard(path)):
            for target in panel["targets"]:
                place = f"{path.stem}: {panel['title']} ({target['refId']})"
                found.append(Query(place=place, text=filled(target["expr"], range_seconds)))
    return found


def rule_queries() -> list[Query]:
    """Every rule's query."""
    return [Query(place=_place(rule), text=rule["expr"].strip()) for rule in rules()]


def _place(rule: Mapping[str, Any]) -> str:
    slo = rule["labels"].get("slo") if "record" in rule and "labels" in rule else None
    name: str = rule.get("alert") or rule["record"]
    return f"{name} ({slo})" if slo else name


def variables(text: str) -> set[str]:
    """The variables of Grafana that a text uses."""
    return set(_VARIABLE.findall(text))


def filled(text: str, range_seconds: int) -> str:
    """Fill in Grafana's variables as it would for all processes and a range of that length."""
    for name, value in (
        ("$__rate_interval", f"{max(15, range_seconds // 5)}s"),
        ("$__range", f"{range_seconds}s"),
        ("$instance", ".+"),
    ):
        text = text.replace(name, value)
    return text


def unknown_names(text: str) -> set[str]:
    """Parse a query, which must be one, and return the names in it that nobody makes."""
    names: set[str] = set()
    parsed = promql_parser.parse(text)
    promql_parser.walk(parsed, lambda node: _note(node, names))
    return names - _made()


@cache
def _made() -> frozenset[str]:
    # To know them, the metrics of every service are built.
    return series() | recorded() | _ITS_OWN


def _note(node: object, names: set[str]) -> bool:
    if isinstance(node, promql_parser.VectorSelector):
        names.add(node.name or "")
    return True
