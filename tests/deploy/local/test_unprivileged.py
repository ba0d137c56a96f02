from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import unprivileged
from deploy.local.credentials import Credentials
from deploy.local.ports import free_ports
from deploy.local.postgres import Postgres
from deploy.local.processes import Processes


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory on a machine that knows `ps` and no user namespaces."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ps").symlink_to(shutil.which("ps") or "/bin/ps")
    monkeypatch.setenv("PATH", str(tools))
    directory = tmp_path / "a stack" / "postgres"
    yield directory
    shutil.rmtree(unprivileged.place_of(directory), ignore_errors=True)


def answers_twice(directory: Path) -> bool:
    """Whether a server starts in a directory, keeps a row over a kill, and starts again."""
    processes = Processes(directory.parent)
    passwords = Credentials(directory.parent / "secrets").passwords
    server = Postgres(directory, free_ports(), processes, passwords, fsync=False)
    try:
        server.start()
        server.execute("create table kept as select 7 as number")
        server.execute("checkpoint")
        processes.kill("postgres")
        server.start()
        return server.execute("select number from kept") == "7"
    finally:
        server.stop()


@pytest.mark.usefixtures("servers")
def test_it_runs_without_user_namespaces_where_nobody_cannot_enter(nowhere: Path) -> None:
    nowhere.parent.mkdir(mode=0o700)
    assert not unprivileged.namespaces_work()
    assert answers_twice(nowhere)


@pytest.mark.usefixtures("servers")
def test_it_runs_as_nobody_in_place_where_nobody_may_enter(nowhere: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    for folder in (*reversed(nowhere.parents), programs):
        folder.mkdir(exist_ok=True)
    for folder in (programs, *nowhere.parents):
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o001)
    launch = unprivileged.plan(programs, nowhere)
    assert (launch.programs, launch.directory) == (programs, nowhere)
    assert launch.directory.stat().st_uid == (unprivileged.NOBODY if launch.user else os.geteuid())


def test_the_place_outside_the_checkout_is_one_for_each_directory(tmp_path: Path) -> None:
    places = {unprivileged.place_of(tmp_path / name) for name in ("one", "other")}
    assert len(places) == 2
    assert {place.parent for place in places} == {unprivileged.elsewhere()}
