"""One Kafka node (KRaft) from Maven artefacts, on 127.0.0.1."""

from __future__ import annotations

import base64
import secrets
import shutil
import socket
import struct
from pathlib import Path

from deploy.local import java
from deploy.local.ports import Ports
from deploy.local.processes import Processes, Program
from deploy.local.waiting import until_ready

NAME = "kafka"
_RESOURCES = Path(__file__).parent / "kafka"
_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_METADATA_REQUEST = struct.pack(">hhihi", 3, 1, 1, -1, 0)


class Broker:
    """The broker of one stack; its data lies in `directory` and outlives it."""

    def __init__(
        self,
        directory: Path,
        libraries: Path,
        ports: Ports,
        processes: Processes,
        *,
        name: str = NAME,
        more: str = "",
    ) -> None:
        """`name` is its program's; `more` are further lines of its configuration, which win over those before them."""
        self.name = name
        self.more = more
        self._directory = directory
        self._libraries = libraries
        self._ports = ports
        self._processes = processes
        self._archive = libraries.parent / "classes.jsa"
        self._new_archive = directory / "classes.new.jsa"

    @property
    def servers(self) -> str:
        """The bootstrap address."""
        return f"127.0.0.1:{self._ports.public('kafka')}"

    def start(self) -> None:
        """Start the node and return when it answers; nothing happens when it runs already."""
        if self._processes.is_running(self.name):
            return
        runtime = java.find()
        self._prepare(runtime)
        archive = (
            ["-Xshare:auto", f"-XX:SharedArchiveFile={self._archive}"]
            if self._archive.exists()
            else [f"-XX:ArchiveClassesAtExit={self._new_archive}"]
        )
        command = self._java(runtime, *archive, "kafka.Kafka", "server.properties")
        self._processes.start(
            Program(
                name=self.name,
                command=command,
                environment={},
                folder=self._directory,
                foundation=True,
            )
        )
        port = self._ports.public("kafka")
        until_ready(self._processes, self.name, lambda: answers_metadata(port), _READY_SECONDS)

    def stop(self) -> None:
        """Stop the node cleanly; the first clean stop leaves the class archive that later starts use."""
        self._processes.stop([self.name], _STOP_SECONDS)
        if self._new_archive.exists():
            self._new_archive.replace(self._archive)

    def _prepare(self, runtime: Path) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        shutil.copy(_RESOURCES / "log4j2.properties", self._directory)
        broker, controller = self._ports.public("kafka"), self._ports.public("kafka controller")
        (self._directory / "server.properties").write_text(
            (_RESOURCES / "server.properties").read_text()
            + f"listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n"
            + f"advertised.listeners=PLAINTEXT://127.0.0.1:{broker}\n"
            + f"controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n"
            + self.more
        )
        if not (self._directory / "data" / "meta.properties").exists():
            self._format(runtime)

    def _format(self, runtime: Path) -> None:
        # A leading letter: the tool takes an id that begins with a hyphen for a flag.
        cluster = "I" + base64.urlsafe_b64encode(secrets.token_bytes(16)).decode()[1:22]
        command = ["kafka.tools.StorageTool", "format", "--standalone", "--ignore-formatted"]
        command += ["--cluster-id", cluster, "--config", "server.properties"]
        self._processes.run(
            Program(
                name=f"{self.name}-format",
                command=self._java(runtime, *command),
                environment={},
                folder=self._directory,
            ),
            _READY_SECONDS,
        )

    def _java(self, runtime: Path, *arguments: str) -> list[str]:
        # In one order always, because the class archive is bound to the class path.
        classpath = ":".join(str(jar) for jar in sorted(self._libraries.glob("*.jar")))
        return [
            str(runtime),
            "-Xms64m",
            "-Xmx384m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xlog:cds=off",
            "-Xlog:cds+dynamic=off",
            "-Dlog4j2.configurationFile=log4j2.properties",
            "-Dkafka.logs.dir=.",
            "-cp",
            classpath,
            *arguments,
        ]


def answers_metadata(port: int) -> bool:
    """Whether a broker that takes clients answers a metadata request; an open port alone is too early."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(_METADATA_REQUEST)) + _METADATA_REQUEST)
            with connection.makefile("rb") as answer:
                head = answer.read(12)
    except OSError:
        return False
    # size, correlation id, number of brokers
    return len(head) == 12 and struct.unpack(">iii", head)[2] > 0
