from dataclasses import dataclass
from pathlib import Path

import pytest

from services.runtime import parsers
from services.runtime.config import (
    AccessConfig,
    ConfigError,
    DatabaseConfig,
    DoorConfig,
    Entry,
    KafkaConfig,
    OwnerConfig,
    ProcessConfig,
    document,
    doors,
    group,
    load,
    setting,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    process: ProcessConfig = group(ProcessConfig)
    kafka: KafkaConfig = group(KafkaConfig)
    doors: DoorConfig = doors(7400)
    edge: str = setting(
        "INKLING_TRACKER_EDGE", parsers.text(), default="edge-1", help="the name of this edge"
    )
    key: bytes = setting("INKLING_TRACKER_KEY", parsers.secret_hex(4), help="a key", secret=True)


GOOD = {"INKLING_KAFKA_SERVERS": "kafka:9092", "INKLING_TRACKER_KEY": "0011aaff"}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as refusal:
        load(Config, environ, "tracker")
    return refusal.value.problems


def test_what_is_not_given_has_its_default() -> None:
    config = load(Config, GOOD, "tracker")
    assert config.kafka.servers == "kafka:9092"
    assert config.key == b"\x00\x11\xaa\xff"
    assert config.edge == "edge-1"
    assert config.doors == DoorConfig(
        host="127.0.0.1", port=7400, private_host="127.0.0.1", private_port=7450
    )
    assert config.process == ProcessConfig(log_level="info", drain_seconds=10.0)


def test_what_is_given_wins() -> None:
    given = GOOD | {"INKLING_TRACKER_PORT": "1", "INKLING_LOG_LEVEL": "debug"}
    config = load(Config, given, "tracker")
    assert (config.doors.port, config.process.log_level) == (1, "debug")


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        {
            "INKLING_TRACKER_PORT": "many",
            "INKLING_DRAIN_SECONDS": "0",
            "INKLING_TRACKER_PROT": "7400",
            "INKLING_TRACKER_KEY": "not-hex",
        }
    )
    assert found == [
        "INKLING_TRACKER_PROT is not a name this process knows; did you mean INKLING_TRACKER_PORT?",
        "INKLING_DRAIN_SECONDS must be seconds from 0.1 to 600, not '0'",
        "INKLING_KAFKA_SERVERS is required: Kafka's bootstrap servers, host:port,host:port",
        "INKLING_TRACKER_PORT must be a whole number from 0 to 65535, not 'many'",
        "INKLING_TRACKER_KEY must be 8 hexadecimal digits (its value is not shown)",
    ]


def test_a_name_like_no_other_is_refused_without_a_guess() -> None:
    assert problems(GOOD | {"INKLING_XYZZY": "1"}) == [
        "INKLING_XYZZY is not a name this process knows"
    ]


def test_names_of_other_services_shared_ones_and_foreign_ones_are_let_be() -> None:
    others = {
        "INKLING_PROJECTOR_ANYTHING": "1",
        "INKLING_JWKS": "/keys.json",
        "INKLING_TOKEN_KEYS_FILE": "/run/secrets/keys",
        "INKLING_PORT_BASE": "8400",
        "PATH": "/bin",
    }
    assert load(Config, GOOD | others, "tracker") == load(Config, GOOD, "tracker")


def test_names_of_a_configuration_beside_are_let_be() -> None:
    given = GOOD | {"INKLING_TRACKER_OWNER_DATABASE_URL_FILE": "/nowhere"}
    assert "OWNER_DATABASE_URL_FILE is not a name" in problems(given)[0]
    assert load(Config, given, "tracker", beside=[OwnerConfig]) == load(Config, GOOD, "tracker")


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("0011aaff\n")
    given = {"INKLING_KAFKA_SERVERS": "k:1", "INKLING_TRACKER_KEY_FILE": str(file)}
    assert load(Config, given, "tracker").key == b"\x00\x11\xaa\xff"


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    assert problems(GOOD | {"INKLING_TRACKER_KEY_FILE": str(tmp_path)}) == [
        "INKLING_TRACKER_KEY and INKLING_TRACKER_KEY_FILE are both given; give one"
    ]


def test_a_file_that_cannot_be_read_is_a_problem_like_any_other(tmp_path: Path) -> None:
    missing = {"INKLING_KAFKA_SERVERS": "k:1", "INKLING_TRACKER_KEY_FILE": str(tmp_path / "no")}
    assert problems(missing) == [
        "INKLING_TRACKER_KEY_FILE cannot be read: No such file or directory"
    ]
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    binary = missing | {"INKLING_TRACKER_KEY_FILE": str(tmp_path / "binary")}
    assert problems(binary) == ["INKLING_TRACKER_KEY_FILE cannot be read: it is not text"]


def test_what_is_no_secret_has_no_file(tmp_path: Path) -> None:
    assert (
        "INKLING_TRACKER_EDGE_FILE is not a name"
        in problems(GOOD | {"INKLING_TRACKER_EDGE_FILE": str(tmp_path)})[0]
    )


def test_secrets_show_neither_in_repr_nor_in_a_refusal() -> None:
    assert "aaff" not in repr(load(Config, GOOD, "tracker"))
    assert r"\xaa" not in repr(load(Config, GOOD, "tracker"))
    assert "hunter2" not in str(problems(GOOD | {"INKLING_TRACKER_KEY": "hunter2"}))


def test_a_rule_between_settings_is_told_too() -> None:
    same = {"INKLING_TRACKER_PRIVATE_PORT": "7400"}
    assert problems(GOOD | same) == ["the public and the private door must not be the same"]


def test_database_urls_are_secret() -> None:
    url = "postgresql://inkling:hunter2@db/inkling"
    given = {"INKLING_ALERTS_DATABASE_URL": url, "INKLING_ALERTS_READER_DATABASE_URL": url}
    config = load(DatabaseConfig, given, "alerts")
    assert config.writer_url == url
    assert "hunter2" not in repr(config)


def test_issuer_and_audience_may_be_left_out() -> None:
    config = load(AccessConfig, {"INKLING_JWKS": "keys.json"}, "alerts")
    assert (config.jwks, config.issuer, config.audience) == ("keys.json", None, None)


@pytest.mark.parametrize("url", ["http://id.example/jwks", "ftp://id.example/jwks", "file:///keys"])
def test_keys_come_by_no_way_on_which_they_can_be_changed(url: str) -> None:
    with pytest.raises(ConfigError, match="INKLING_JWKS must be a path or an https URL"):
        load(AccessConfig, {"INKLING_JWKS": url}, "alerts")
    for good in ("https://id.example/jwks", "http://127.0.0.1:8080/jwks"):
        assert load(AccessConfig, {"INKLING_JWKS": good}, "alerts").jwks == good


def test_the_documentation_lists_every_variable_with_its_default() -> None:
    entries = document(Config, "tracker")
    assert [one.name for one in entries] == [
        "INKLING_LOG_LEVEL",
        "INKLING_DRAIN_SECONDS",
        "INKLING_KAFKA_SERVERS",
        "INKLING_TRACKER_HOST",
        "INKLING_TRACKER_PORT",
        "INKLING_TRACKER_PRIVATE_HOST",
        "INKLING_TRACKER_PRIVATE_PORT",
        "INKLING_TRACKER_EDGE",
        "INKLING_TRACKER_KEY",
    ]
    assert entries[6].default == "7450"
    assert entries[8] == Entry(
        name="INKLING_TRACKER_KEY",
        kind="8 hexadecimal digits",
        default=None,
        meaning="a key",
        secret=True,
    )
