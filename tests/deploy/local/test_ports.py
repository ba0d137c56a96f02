from __future__ import annotations

import os
import socket

import pytest

from deploy.local.ports import (
    MOST_WORKERS,
    SERVICES,
    Ports,
    free_ports,
    is_taken,
    parse_base,
    taken,
)


def test_the_default_layout_is_the_one_of_the_doors_page() -> None:
    ports = Ports()
    assert [ports.public(name) for name in SERVICES] == [7400, 7410, 7420, 7430]
    assert [ports.private(name) for name in SERVICES] == [7450, 7460, 7470, 7480]
    assert (ports.public("kafka"), ports.public("postgres")) == (7492, 7432)


def test_the_base_moves_every_port_and_no_two_collide() -> None:
    moved, default = dict(parse_base("17400")), dict(Ports())
    assert moved == {name: port + 10_000 for name, port in default.items()}
    assert len(set(default.values())) == len(default)


def test_every_worker_of_the_tracker_has_a_port_that_nobody_else_has() -> None:
    ports = Ports()
    numbers = [number for _, number in (*ports, *ports.of_workers(MOST_WORKERS))]
    assert [ports.private("tracker", worker) for worker in range(3)] == [7450, 7451, 7452]
    assert len(set(numbers)) == len(numbers) == len([*ports]) + MOST_WORKERS - 1
    # what Prometheus and Grafana have beside them
    assert not {7490, 7491} & set(numbers)


def test_only_the_workers_that_are_wanted_need_a_port() -> None:
    ports = free_ports()
    with socket.create_server(("127.0.0.1", ports.private("tracker", 2))):
        assert taken(ports, workers=2) == []
        (sentence,) = taken(ports, workers=3)
    assert f"port {ports.private('tracker', 2)} (tracker (private, worker 2)) is held" in sentence


@pytest.mark.parametrize("text", ["", "80", "65500", "-7400", "7400.0", "many"])
def test_a_base_that_cannot_be_one_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="INKLING_PORT_BASE"):
        parse_base(text)


def test_a_free_layout_is_free() -> None:
    assert taken(free_ports()) == []


def test_a_taken_port_is_named_with_the_process_that_holds_it() -> None:
    ports = free_ports()
    with socket.create_server(("127.0.0.1", ports.public("projector"))):
        (sentence,) = taken(ports)
    assert sentence.startswith(f"port {ports.public('projector')} (projector) is held by")
    assert str(os.getpid()) in sentence


def test_a_listener_on_every_address_takes_the_port_too() -> None:
    port = free_ports().public("tracker")
    with socket.create_server(("0.0.0.0", port)):  # noqa: S104 -- the case
        assert is_taken(port)
