"""The image and the containers, judged by the tools that read such files; no engine is needed, or started."""

import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import bootstrap
from deploy.local.ports import SERVICES, Ports
from services.alerts.config import Config as AlertsConfig
from services.projector.config import Config as ProjectorConfig
from services.rewriter.config import Config as RewriterConfig
from services.runtime.config import OwnerConfig, document
from services.tracker.config import Config as TrackerConfig

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "compose.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
CONFIGS: Mapping[str, type[Any]] = {
    "tracker": TrackerConfig,
    "rewriter": RewriterConfig,
    "projector": ProjectorConfig,
    "alerts": AlertsConfig,
}


def run(*command: str | Path) -> None:
    done = subprocess.run(  # noqa: S603 tools of .venv
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    text: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return text


def test_compose_accepts_the_file() -> None:
    spec = find_spec("compose")
    assert spec is not None
    assert spec.submodule_search_locations
    # The program itself: the package's wrapper hides how it ends.
    program = Path(spec.submodule_search_locations[0], "docker-compose")
    run(program, "-f", COMPOSE, "config", "--quiet")


def test_hadolint_accepts_the_image() -> None:
    spec = find_spec("pytest")
    assert spec is not None
    assert spec.origin
    program = Path(spec.origin).parents[4] / "bin" / "hadolint"
    run(program, DOCKERFILE)


def test_the_image_takes_pinned_packages_and_is_not_root() -> None:
    text = DOCKERFILE.read_text("utf-8")
    assert "--require-hashes -r /tmp/requirements.lock" in text
    assert "requirements-dev" not in text
    assert text.rindex("USER 10001:10001") > text.rindex("FROM ")


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_is_told_what_its_service_must_know(
    composed: dict[str, Any], service: str
) -> None:
    told = set(composed["services"][service]["environment"]) - {"LIVE_URL"}
    entries = document(CONFIGS[service], service)
    known = {entry.name for entry in entries} | {
        f"{entry.name}_FILE" for entry in entries if entry.secret
    }
    assert told <= known
    for entry in entries:
        assert entry.default is not None or {entry.name, f"{entry.name}_FILE"} & told, entry.name


@pytest.mark.parametrize("service", ["projector", "alerts"])
def test_only_the_migration_is_told_the_owners_password(
    composed: dict[str, Any], service: str
) -> None:
    (owner,) = document(OwnerConfig, service)
    for name, container in composed["services"].items():
        told = f"{owner.name}_FILE" in container.get("environment", {})
        assert told == (name == f"{service}-migrate")


def test_every_secret_is_one_that_bootstrap_makes(composed: dict[str, Any], tmp_path: Path) -> None:
    made = set(bootstrap.write(tmp_path))
    assert set(composed["secrets"]) == made
    for name, secret in composed["secrets"].items():
        path = (COMPOSE.parent / secret["file"]).resolve()
        assert path == bootstrap.DIRECTORY / "secrets" / name
    used = {name for each in composed["services"].values() for name in each.get("secrets", ())}
    assert used == made
    for container in composed["services"].values():
        for value in map(str, container.get("environment", {}).values()):
            if value.startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in container["secrets"]


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_those_of_the_local_stack(composed: dict[str, Any], service: str) -> None:
    container = composed["services"][service]
    ports = Ports()
    wanted = (ports.public(service), ports.private(service))
    assert container["ports"] == [f"127.0.0.1:{port}:{port}" for port in wanted]
    assert container["environment"]["LIVE_URL"] == f"http://127.0.0.1:{wanted[1]}/livez"
    assert container["command"] == ["python", "-m", f"services.{service}"]
    assert container["stop_grace_period"] == "20s"


def test_what_is_mounted_is_there(composed: dict[str, Any]) -> None:
    for container in composed["services"].values():
        for volume in container.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (COMPOSE.parent / source).exists(), source
            else:
                assert source in composed["volumes"]
