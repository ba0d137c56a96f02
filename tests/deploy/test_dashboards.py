"""Grafana's dashboards, as far as they can be judged without Grafana; `make interop` runs their queries."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.ports import SERVICES
from tests.support.monitoring import (
    DASHBOARDS,
    DEPLOY,
    Query,
    dashboard,
    panel_queries,
    panels,
    unknown_names,
    variables,
)

GRAFANA = DEPLOY / "grafana"
BOARDS = [pytest.param(dashboard(path), id=path.stem) for path in DASHBOARDS]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Grafana's own.
BUILT_IN = {"__rate_interval", "__range"}


def test_there_is_one_of_the_whole_and_one_of_each_service() -> None:
    assert {path.stem for path in DASHBOARDS} == {"flow", *SERVICES}
    boards = [dashboard(path) for path in DASHBOARDS]
    for member in ("uid", "title"):
        assert len({board[member] for board in boards}) == len(boards)


@pytest.mark.parametrize("board", BOARDS)
def test_every_panel_says_what_it_shows_and_in_what(board: dict[str, Any]) -> None:
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == DATASOURCE
        references = [target["refId"] for target in panel["targets"]]
        assert references == list("ABCDEFGH"[: len(references)]) != []
        for target in panel["targets"]:
            assert target["datasource"] == DATASOURCE
            assert target["legendFormat"], panel["title"]


@pytest.mark.parametrize("board", BOARDS)
def test_panels_lie_side_by_side(board: dict[str, Any]) -> None:
    cells = [panel["gridPos"] for panel in board["panels"]]
    assert all(cell["x"] >= 0 and cell["x"] + cell["w"] <= 24 for cell in cells)
    for one, other in combinations(cells, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


@pytest.mark.parametrize("board", BOARDS)
def test_variables_are_defined_and_used(board: dict[str, Any]) -> None:
    texts = [target["expr"] for panel in panels(board) for target in panel["targets"]]
    texts += [each["uid"] for each in (panel["datasource"] for panel in panels(board))]
    used = {name for text in texts for name in variables(text)}
    assert used - BUILT_IN == {one["name"] for one in board["templating"]["list"]}


@pytest.mark.parametrize("query", panel_queries(), ids=lambda query: query.place)
def test_a_panel_asks_only_for_what_somebody_makes(query: Query) -> None:
    assert unknown_names(query.text) == set()


def test_grafana_finds_its_source_and_the_dashboards() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yml").read_text("utf-8"))["services"]
    provided = yaml.safe_load(
        (GRAFANA / "provisioning" / "dashboards" / "inkling.yml").read_text("utf-8")
    )
    mounted = dict(volume.split(":")[:2] for volume in compose["grafana"]["volumes"])
    folder = provided["providers"][0]["options"]["path"]
    assert mounted["./grafana/dashboards"] == folder
    home = Path(compose["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert home.parent == Path(folder)
    assert home.stem in {path.stem for path in DASHBOARDS}
    source = yaml.safe_load(
        (GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text("utf-8")
    )["datasources"][0]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
