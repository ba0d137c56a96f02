"""Everything on one machine: real Kafka, real PostgreSQL, the four services; for people and for tests."""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType

from deploy.local import environment, identity
from deploy.local.broker import Broker
from deploy.local.credentials import Credentials
from deploy.local.ports import SERVICES, Ports
from deploy.local.postgres import Postgres
from deploy.local.processes import ClosedError, Processes, Program
from deploy.local.unprivileged import CHECKOUT
from deploy.local.waiting import until_ready

LIBRARIES = CHECKOUT / ".run" / "kafka" / "libs"
TENANT = "demo"
OWNER = "ana"
_COMMAND_SECONDS = 60.0
_READY_SECONDS = 60.0
# A service drains for INKLING_DRAIN_SECONDS, 10 unless told, and ends itself when it overruns that by 5.
_DRAIN_SECONDS = 20.0


class Stack:
    """One stack in one directory on one layout of ports; whoever makes it stops it."""

    def __init__(
        self,
        directory: Path,
        ports: Ports,
        *,
        fsync: bool = True,
        settings: Mapping[str, str] | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`settings` are further INKLING_* names for the services; `report` is told of each step."""
        self.ports = ports
        self.processes = Processes(directory)
        self.credentials = Credentials(directory / "secrets")
        self.broker = Broker(directory / "kafka", LIBRARIES, ports, self.processes)
        self.postgres = Postgres(
            directory / "postgres", ports, self.processes, self.credentials.passwords, fsync=fsync
        )
        self.objects = directory / "objects"
        self._settings = settings or {}
        self._workers = environment.workers(self._settings)
        self._report = report

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def kafka(self) -> str:
        """The bootstrap address of Kafka."""
        return self.broker.servers

    def url(self, service: str) -> str:
        """Where a service's public doors are."""
        return f"http://127.0.0.1:{self.ports.public(service)}"

    def private_url(self, service: str) -> str:
        """Where a service's probes and metrics are; the first worker's, where it has several."""
        return self.private_urls(service)[0]

    def private_urls(self, service: str) -> list[str]:
        """Where the probes and metrics of each process of a service are."""
        return [f"http://127.0.0.1:{port}" for port in self._private_ports(service)]

    def token(
        self,
        *,
        tenant: str = TENANT,
        subject: str = OWNER,
        roles: Sequence[str] = ("seller",),
        seconds: int = 3600,
    ) -> str:
        """An access token for anybody; a negative lifetime makes an expired one."""
        return self.credentials.token(tenant=tenant, subject=subject, roles=roles, seconds=seconds)

    def start(self) -> None:
        """Start what does not run yet and return when everything answers; on failure stop it all."""
        try:
            self._both(self._prepare_kafka, self._prepare_postgres)
            self._both(*(self._starting(service) for service in SERVICES))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything cleanly: services finish first, then what they write to."""
        self.processes.close()
        self.processes.stop(SERVICES, _DRAIN_SECONDS)
        self._both(self.broker.stop, self.postgres.stop)

    def start_service(self, service: str) -> None:
        """Start one service and return when it is ready; nothing happens when it runs already."""
        if self.processes.is_running(service):
            return
        began = time.monotonic()
        self.processes.start(
            Program(
                name=service,
                command=[sys.executable, "-m", f"services.{service}"],
                environment=self._environment(service),
                folder=CHECKOUT,
            )
        )
        self.wait_ready(service)
        self._say(service, began, self.url(service))

    def stop_service(self, service: str) -> None:
        """Ask one service to finish what it accepted and end."""
        self.processes.stop([service], _DRAIN_SECONDS)

    def kill(self, name: str) -> None:
        """End a service, `kafka` or `postgres` as `kill -9` does."""
        self.processes.kill(name)

    def restart(self, name: str) -> None:
        """Start a service, `kafka` or `postgres` again after `kill`, or afresh after a clean stop."""
        if name == "kafka":
            self.broker.stop()
            self.broker.start()
        elif name == "postgres":
            self.postgres.stop()
            self.postgres.start()
        else:
            self.stop_service(name)
            self.start_service(name)

    def wait_ready(self, service: str) -> None:
        """Return when every process of a started service says that it is ready."""
        ports = self._private_ports(service)
        until_ready(self.processes, service, lambda: all(map(_says_ready, ports)), _READY_SECONDS)

    def pids(self) -> dict[str, list[int]]:
        """The process numbers of everything that was started, by name; a supervisor's workers follow its own."""
        pids = {name: [self.processes.pid(name)] for name in self.processes.names()}
        for service in SERVICES:
            if service in pids:
                pids[service] += identity.children(pids[service][0])
        return pids

    def _private_ports(self, service: str) -> list[int]:
        count = self._workers if service == "tracker" else 1
        return [self.ports.private(service, worker) for worker in range(count)]

    def _prepare_kafka(self) -> None:
        began = time.monotonic()
        self.broker.start()
        self._say("kafka", began, self.kafka)
        self._command(
            "topics-create", ["services.topics", "create"], environment.of_topics(self.kafka)
        )

    def _prepare_postgres(self) -> None:
        began = time.monotonic()
        self.postgres.start()
        self.postgres.prepare()
        self._say("postgres", began, f"127.0.0.1:{self.ports.public('postgres')}")
        self._both(*(self._migrating(service) for service in environment.WITH_DATABASE))

    def _starting(self, service: str) -> Callable[[], None]:
        return lambda: self.start_service(service)

    def _migrating(self, service: str) -> Callable[[], None]:
        told = environment.of_migration(service, self._environment(service), self.postgres)
        return lambda: self._command(f"{service}-migrate", [f"services.{service}", "migrate"], told)

    def _environment(self, service: str) -> dict[str, str]:
        told = environment.of_service(
            service, self.ports, self.credentials, self.kafka, self.postgres, self.objects
        )
        return told | dict(self._settings)

    def _command(self, name: str, module: Sequence[str], told: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", *module]
        self.processes.run(
            Program(name=name, command=command, environment=told, folder=CHECKOUT), _COMMAND_SECONDS
        )

    def _both(self, *steps: Callable[[], None]) -> None:
        _at_once(steps, self.processes)

    def _say(self, name: str, began: float, where: str) -> None:
        self._report(f"{name:<10} ready in {time.monotonic() - began:4.1f} s   {where}")


def _at_once(steps: Iterable[Callable[[], None]], processes: Processes) -> None:
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(step) for step in steps]
        try:
            finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
            if any(future.exception() for future in finished):
                processes.close()
        except BaseException:
            processes.close()
            raise
    # A step that was only told to stop, because another failed, says nothing of why.
    errors = [error for future in futures if (error := future.exception())]
    for error in sorted(errors, key=lambda each: isinstance(each, ClosedError)):
        raise error


def _says_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
