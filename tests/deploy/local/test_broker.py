from __future__ import annotations

from deploy.local.broker import answers_metadata
from deploy.local.ports import free_ports


def test_a_started_broker_answers_a_metadata_request(kafka_servers: str) -> None:
    assert answers_metadata(int(kafka_servers.rpartition(":")[2]))


def test_a_port_that_nobody_listens_on_is_not_a_broker() -> None:
    assert not answers_metadata(free_ports().public("kafka"))
