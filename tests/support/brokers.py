"""Kafka to be broken: one broker whose clients may come through a proxy, and three of which two may be stopped."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.broker import Broker
from deploy.local.ports import Ports, free_ports
from deploy.local.processes import Processes, Program
from deploy.local.stack import LIBRARIES, Stack
from services.runtime.kafka_admin import Admin
from services.topics import wanted
from tests.support.stack import a_stack, prepare_template

SECONDS = 60.0
_PROXIED = "PROXIED"


def through_a_proxy(ports: Ports, listening: int, advertised: int) -> str:
    """Further lines for a broker that listens on one more port and tells whoever comes there of another."""
    broker, controller = ports.public("kafka"), ports.public("kafka controller")
    return (
        f"listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller},"
        f"{_PROXIED}://127.0.0.1:{listening}\n"
        f"advertised.listeners=PLAINTEXT://127.0.0.1:{broker},{_PROXIED}://127.0.0.1:{advertised}\n"
        f"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{_PROXIED}:PLAINTEXT\n"
    )


class _Follower(Broker):
    """A broker that joins the cluster of another one, which alone is the controller."""

    def __init__(self, directory: Path, number: int, first: Path, processes: Processes) -> None:
        ports = free_ports()
        controller = re.findall(
            r"^controller\.quorum\.bootstrap\.servers=.*$",
            (first / "server.properties").read_text(),
            re.MULTILINE,
        )[-1]
        more = (
            f"process.roles=broker\nnode.id={number}\n"
            f"listeners=PLAINTEXT://127.0.0.1:{ports.public('kafka')}\n{controller}\n"
        )
        self._first = first
        super().__init__(directory, LIBRARIES, ports, processes, name=directory.name, more=more)

    def _format(self, runtime: Path) -> None:
        kept = (self._first / "data" / "meta.properties").read_text()
        (cluster,) = re.findall(r"^cluster\.id=(.*)$", kept, re.MULTILINE)
        command = ["kafka.tools.StorageTool", "format", "--cluster-id", cluster]
        command += ["--config", "server.properties"]
        self._processes.run(
            Program(
                name=f"{self.name}-format",
                command=self._java(runtime, *command),
                environment={},
                folder=self._directory,
            ),
            SECONDS,
        )


class Cluster:
    """Three brokers, the first of which is the controller as well."""

    def __init__(self, directory: Path, processes: Processes) -> None:
        self._directory = directory
        self._processes = processes
        self._first = Broker(
            directory / "kafka-1", LIBRARIES, free_ports(), processes, name="kafka-1"
        )
        self.brokers: list[Broker] = [self._first]

    @property
    def servers(self) -> str:
        """The bootstrap addresses."""
        return ",".join(each.servers for each in self.brokers)

    def start(self) -> None:
        """Start all three, one after the other."""
        self._first.start()
        for number in (2, 3):
            follower = _Follower(
                self._directory / f"kafka-{number}",
                number,
                self._directory / "kafka-1",
                self._processes,
            )
            self.brokers.append(follower)
            follower.start()

    def stop(self) -> None:
        """Stop all that run, the controller last."""
        for broker in reversed(self.brokers):
            broker.stop()


@contextmanager
def a_cluster(directory: Path, processes: Processes) -> Iterator[Cluster]:
    """Have three brokers in that directory, among the processes given; stopped afterwards."""
    cluster = Cluster(directory, processes)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


async def create_topics(servers: str, partitions: int = 4, replication: int = 1) -> None:
    """Create our topics; of three replicas two have to have what is acknowledged."""
    specs = wanted(partitions, replication)
    admin = Admin(servers, "tests")
    try:
        await admin.start(SECONDS)
        await admin.create(specs, SECONDS)
    finally:
        await admin.close(SECONDS)


@contextmanager
def a_whole_stack(partitions: int) -> Iterator[Stack]:
    """A Kafka with our topics and a PostgreSQL of one's own, for whoever empties topics that others use."""
    with a_stack() as stack:
        stack.broker.start()
        asyncio.run(create_topics(stack.kafka, partitions))
        stack.postgres.start()
        prepare_template(stack.postgres)
        yield stack
