from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local import environment
from deploy.local.ports import SERVICES, Ports
from deploy.local.stack import Stack
from services.runtime.config import document
from services.tracker.config import Config


@pytest.fixture
def idle(tmp_path: Path) -> Stack:
    return Stack(tmp_path, Ports())


def told(stack: Stack, service: str) -> dict[str, str]:
    return environment.of_service(
        service, stack.ports, stack.credentials, stack.kafka, stack.postgres, stack.objects
    )


def test_only_a_migration_is_told_the_owners_password(idle: Stack) -> None:
    owner = idle.credentials.passwords["inkling_projector_owner"]
    assert not any(owner in value for name in SERVICES for value in told(idle, name).values())
    migration = environment.of_migration("projector", told(idle, "projector"), idle.postgres)
    assert owner in migration["INKLING_PROJECTOR_OWNER_DATABASE_URL"]


def test_a_service_is_told_nothing_under_the_name_of_another(idle: Stack) -> None:
    for service in SERVICES:
        others = tuple(f"INKLING_{other.upper()}_" for other in SERVICES if other != service)
        assert not [name for name in told(idle, service) if name.startswith(others)]


def test_the_tracker_and_the_rewriter_share_the_token_keys(idle: Stack) -> None:
    keys = {told(idle, service)["INKLING_TOKEN_KEYS"] for service in ("tracker", "rewriter")}
    assert keys == {idle.credentials.token_keys}
    assert "INKLING_TOKEN_KEYS" not in told(idle, "alerts")


def test_the_tracker_serves_the_folder_that_the_rewriter_fills(idle: Stack, tmp_path: Path) -> None:
    folders = {told(idle, service)["INKLING_OBJECT_STORE"] for service in ("tracker", "rewriter")}
    assert folders == {(tmp_path / "objects").as_uri()}
    assert "INKLING_OBJECT_STORE" not in told(idle, "projector")


@pytest.mark.parametrize(
    ("told", "count"), [(None, 1), ("1", 1), ("10", 10), ("0", 1), ("11", 1), ("two", 1)]
)
def test_the_number_of_workers_is_the_trackers_own_setting(told: str | None, count: int) -> None:
    settings = {} if told is None else {environment.WORKERS: told}
    assert environment.workers(settings) == count
    assert environment.WORKERS in {entry.name for entry in document(Config, "tracker")}


def test_wishes_of_the_person_reach_services_but_the_port_base_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INKLING_LOG_LEVEL", "debug")
    monkeypatch.setenv("INKLING_PORT_BASE", "17400")
    assert environment.own_wishes() == {"INKLING_LOG_LEVEL": "debug"}
    assert not [name for name in environment.ambient() if name.startswith("INKLING_")]
