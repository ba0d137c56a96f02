"""What the tracker accepts from its environment."""

from ipaddress import ip_network

import pytest

from services.runtime.config import ConfigError, load
from services.tracker.config import Config

GIVEN = {
    "INKLING_KAFKA_SERVERS": "127.0.0.1:9092",
    "INKLING_OBJECT_STORE": "file:///var/lib/inkling/objects",
    "INKLING_TRACKER_SPOOL": "/var/lib/inkling/spool",
    "INKLING_TOKEN_KEYS": "2:" + "ab" * 32 + ",1:" + "cd" * 32,
}


def test_little_is_needed() -> None:
    config = load(Config, GIVEN, "tracker")
    assert (config.doors.port, config.doors.private_port) == (7400, 7450)
    assert config.edge == "edge-1"
    assert config.trusted_proxies == ()
    assert config.token_keys.signing == 2
    assert set(config.token_keys.keys) == {1, 2}
    assert "abab" not in repr(config)


def test_all_of_it_can_be_told() -> None:
    told = {
        "INKLING_TRACKER_EDGE": "vienna_2.a",
        "INKLING_TRACKER_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8",
        "INKLING_TRACKER_PORT": "1",
    }
    config = load(Config, GIVEN | told, "tracker")
    assert config.edge == "vienna_2.a"
    assert config.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INKLING_TRACKER_EDGE", ""),
        ("INKLING_TRACKER_EDGE", "a/b"),
        ("INKLING_TRACKER_EDGE", "e" * 65),
        ("INKLING_TRACKER_TRUSTED_PROXIES", "everybody"),
        ("INKLING_TOKEN_KEYS", "1:short"),
        ("INKLING_TOKEN_KEYS", "16:" + "ab" * 32),
        ("INKLING_TRACKER_PROXIES", "10.0.0.0/8"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_keys_are_not_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(Config, GIVEN | {name: value}, "tracker")
    (problem,) = refused.value.problems
    assert name in problem
    assert "abab" not in problem
    assert "short" not in problem


@pytest.mark.parametrize(
    ("told", "refused"),
    [
        ({"PRIVATE_PORT": "65530", "WORKERS": "7"}, "no room for 7 workers"),
        ({"PRIVATE_PORT": "7398", "WORKERS": "3"}, "among the private ports of 3 workers"),
    ],
)
def test_every_worker_has_a_private_port_that_is_no_others(
    told: dict[str, str], refused: str
) -> None:
    named = {f"INKLING_TRACKER_{name}": value for name, value in told.items()}
    with pytest.raises(ConfigError, match=refused):
        load(Config, GIVEN | named, "tracker")
    one_less = str(int(told["WORKERS"]) - 1)
    fewer = load(Config, GIVEN | named | {"INKLING_TRACKER_WORKERS": one_less}, "tracker")
    assert fewer.workers == int(one_less)


def test_private_ports_that_the_system_chooses_collide_with_none() -> None:
    told = {"INKLING_TRACKER_PRIVATE_PORT": "0", "INKLING_TRACKER_WORKERS": "10"}
    assert load(Config, GIVEN | told, "tracker").workers == 10
