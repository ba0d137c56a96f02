from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from deploy.local.setup import LIBRARIES, TOOLS, missing_classes
from deploy.local.unprivileged import CHECKOUT


@pytest.mark.usefixtures("kafka_servers")
def test_what_was_fetched_is_complete() -> None:
    assert missing_classes(LIBRARIES) == []
    assert list(TOOLS.glob("kafka-tools-*.jar"))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "kafka.jar", "w") as jar:
        jar.writestr("kafka/Kafka.class", b"")
    missing = missing_classes(tmp_path)
    assert "kafka/Kafka.class" not in missing
    assert "org/apache/logging/log4j/LogManager.class" in missing


@pytest.mark.parametrize(
    "name",
    [
        "requirements.lock",
        "requirements-dev.lock",
        "requirements-java.lock",
        "requirements-schemathesis.lock",
    ],
)
def test_a_lock_pins_every_package_by_hash_and_names_no_address(name: str) -> None:
    text = (CHECKOUT / name).read_text()
    assert "://" not in text
    packages = re.findall(r"^[^\s#]\S*==.*", text, re.MULTILINE)
    assert packages
    assert all(line.endswith("\\") for line in packages)


def test_the_two_locks_agree_on_every_version() -> None:
    pinned, pinned_for_development = (
        set(re.findall(r"^(\S+==\S+)", (CHECKOUT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert pinned <= pinned_for_development
