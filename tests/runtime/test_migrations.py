"""Migrations: applied once, in order, whoever comes at the same time; an old schema is refused."""

import asyncio
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.runtime.errors import Fatal
from services.runtime.migrations import apply, collect, verify
from services.runtime.postgres import connect
from tests.support.folding import a_pool
from tests.support.stack import Database

SCHEMA = "projector"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package named `sample` with two migrations; yields their folder."""
    folder = tmp_path / "sample" / "migrations"
    folder.mkdir(parents=True)
    (tmp_path / "sample" / "__init__.py").write_text("")
    (folder / "0001_first.sql").write_text(
        "create table first (id int); create table other (id int);"
    )
    (folder / "0002_second.sql").write_text("alter table first add column note text;")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield folder
    sys.modules.pop("sample", None)


def test_files_are_collected_in_order_and_numbered_without_gaps(package: Path) -> None:
    names = [one.name for one in collect(["services.runtime", "sample"])]
    assert names == [
        *("0001_consumer.sql", "0002_operators.sql"),
        *("0001_first.sql", "0002_second.sql"),
    ]
    (package / "0004_late.sql").write_text("select 1")
    with pytest.raises(ValueError, match="0004_late"):
        collect(["sample"])


async def test_each_is_applied_once_even_by_two_at_a_time(
    database: Database, package: Path
) -> None:
    owner = database.url("projector_owner")
    async with asyncio.TaskGroup() as tasks:
        runs = [tasks.create_task(apply(owner, SCHEMA, ["sample"])) for _ in range(3)]
    applied = sorted(run.result() for run in runs)
    assert applied == [[], [], ["sample/0001_first.sql", "sample/0002_second.sql"]]


async def test_a_failing_one_leaves_those_before_it(database: Database, package: Path) -> None:
    owner = database.url("projector_owner")
    (package / "0003_broken.sql").write_text("create table half (id int); select nonsense;")
    with pytest.raises(Fatal, match="nonsense"):
        await apply(owner, SCHEMA, ["sample"])
    (package / "0003_broken.sql").write_text("create table whole (id int);")
    assert await apply(owner, SCHEMA, ["sample"]) == ["sample/0003_broken.sql"]
    async with connect(owner, application="tests", schema=SCHEMA) as connection:
        assert await connection.fetchval("select to_regclass('half')") is None


async def test_one_that_was_edited_after_the_fact_is_refused(
    database: Database, package: Path
) -> None:
    owner = database.url("projector_owner")
    await apply(owner, SCHEMA, ["sample"])
    (package / "0001_first.sql").write_text("create table first (id bigint);")
    with pytest.raises(Fatal, match="0001_first"):
        await apply(owner, SCHEMA, ["sample"])


async def test_a_service_refuses_a_schema_that_is_behind_and_accepts_one_ahead(
    database: Database, package: Path
) -> None:
    owner = database.url("projector_owner")
    packages = ["services.runtime", "sample"]
    async with a_pool(database) as pool:
        with pytest.raises(Fatal, match="run `python -m sample migrate`"):
            await verify(pool, packages)
        await apply(owner, SCHEMA, ["services.runtime"])
        with pytest.raises(Fatal, match="lacks sample/0001_first"):
            await verify(pool, packages)
        await apply(owner, SCHEMA, packages)
        await verify(pool, packages)
        await verify(pool, ["services.runtime"])


async def test_the_runtimes_tables_are_the_writers_and_not_the_readers(database: Database) -> None:
    await apply(database.url("projector_owner"), SCHEMA, ["services.runtime"])
    async with a_pool(database) as pool:
        assert await pool.fetchval("select count(*) from outbox") == 0
    reader = database.url("projector_reader")
    async with connect(reader, application="tests", schema=SCHEMA) as connection:
        assert await connection.fetchval("select count(*) from checkpoint") == 0
        with pytest.raises(Fatal, match="permission denied"):
            await connection.fetch("select * from outbox")
