"""The image and the containers, judged by the tools that read such files; no engine is needed, or started."""

import subprocess
import sysconfig
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


def judge(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 tools of .venv
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def judge_compose(file: Path) -> subprocess.CompletedProcess[str]:
    spec = find_spec("compose")
    assert spec is not None
    assert spec.submodule_search_locations
    # The program itself: the package's wrapper hides how it ends.
    program = Path(spec.submodule_search_locations[0], "docker-compose")
    return judge(program, "-f", file, "config", "--quiet")


def judge_image(file: Path) -> subprocess.CompletedProcess[str]:
    return judge(Path(sysconfig.get_path("scripts"), "hadolint"), file)


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    text: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return text


def test_compose_accepts_the_file() -> None:
    done = judge_compose(COMPOSE)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("whole", "broken"),
    [
        ("stop_grace_period: 20s", "stop_grace_period: soon"),
        ("kafka: { condition: service_healthy }", "kafak: { condition: service_healthy }"),
        ("secrets: [jwks, token_keys, recipient_key]", "secrets: [jwks, token_keys, no_such]"),
        ("    restart: unless-stopped\n", "    restarts: unless-stopped\n"),
    ],
)
def test_compose_refuses_a_broken_file(tmp_path: Path, whole: str, broken: str) -> None:
    text = COMPOSE.read_text("utf-8")
    assert whole in text
    file = tmp_path / "compose.yml"
    file.write_text(text.replace(whole, broken, 1), "utf-8")
    assert judge_compose(file).returncode != 0


def test_hadolint_accepts_the_image() -> None:
    done = judge_image(DOCKERFILE)
    assert done.returncode == 0, done.stdout


def test_hadolint_refuses_an_image_without_a_version(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    text = DOCKERFILE.read_text("utf-8")
    file.write_text(text.replace("python:3.13-slim-bookworm", "python"), "utf-8")
    done = judge_image(file)
    assert done.returncode != 0
    assert "DL3006" in done.stdout


def test_the_image_takes_pinned_packages_and_is_not_root() -> None:
    text = DOCKERFILE.read_text("utf-8")
    assert "--require-hashes -r /tmp/requirements.lock" in text
    assert "requirements-dev" not in text
    assert text.rindex("USER 10001:10001") > text.rindex("FROM ")
    copied = [line.split()[1] for line in text.splitlines() if line.startswith("COPY ")]
    assert copied == ["requirements.lock", "--from=packages", "schemas", "services"]


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
    workers = int(container["environment"].get("INKLING_TRACKER_WORKERS", 1))
    more = [ports.private(service, worker) for worker in range(1, workers)]
    assert container["ports"] == [f"127.0.0.1:{port}:{port}" for port in (*wanted, *more)]
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
