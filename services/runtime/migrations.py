"""Brings a service's schema up to date, forward only, and refuses to run on one that is not."""

import hashlib
import importlib.resources
import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.runtime.errors import Fatal
from services.runtime.postgres import Connection, Pool, connect

_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")
_WAIT_SECONDS = 600.0

_TABLE = """
create table if not exists schema_version (
    package    text    not null,
    version    integer not null,
    name       text    not null,
    digest     text    not null,
    applied_at timestamptz not null default clock_timestamp(),
    primary key (package, version)
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file of a package's `migrations` folder."""

    package: str
    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """Return what its text hashes to, so that an edit after the fact is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def collect(packages: Sequence[str]) -> list[Migration]:
    """Return the packages' migrations in the order in which they are applied."""
    found: list[Migration] = []
    for package in packages:
        folder = importlib.resources.files(package).joinpath("migrations")
        names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
        for number, name in enumerate(names, start=1):
            match = _NAME.match(name)
            if match is None or int(match[1]) != number:
                raise ValueError(f"{package}/migrations/{name}: not number {number:04} of its row")
            sql = folder.joinpath(name).read_text("utf-8")
            found.append(Migration(package=package, version=number, name=name, sql=sql))
    return found


async def apply(owner_url: str, schema: str, packages: Sequence[str]) -> list[str]:
    """Apply what is missing and return its names; whoever comes at the same time waits, then skips.

    Each file is one transaction: a failing one leaves everything before it applied.
    """
    wanted = collect(packages)
    applied: list[str] = []
    application = f"inkling-{schema}-migrate"
    async with connect(
        owner_url, application=application, schema=schema, statement_seconds=_WAIT_SECONDS
    ) as connection:
        await connection.execute("set lock_timeout = 0")
        # Session level: it ends with the connection, whatever happens.
        await connection.fetchval(
            "select pg_advisory_lock(hashtext('inkling'), hashtext($1))", schema
        )
        known = "select 1 from pg_namespace where nspname = $1"
        if await connection.fetchval(known, schema) is None:
            await connection.execute(f'create schema "{schema}"')
        await connection.execute(_TABLE)
        for migration in _missing(wanted, await _present(connection)):
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "insert into schema_version (package, version, name, digest)"
                    " values ($1, $2, $3, $4)",
                    migration.package,
                    migration.version,
                    migration.name,
                    migration.digest,
                )
            applied.append(f"{migration.package}/{migration.name}")
    return applied


async def verify(pool: Pool, packages: Sequence[str]) -> None:
    """Raise Fatal unless every migration is applied; a schema newer than the code is accepted."""
    advice = f"run `python -m {packages[-1]} migrate`"
    async with pool.acquire() as connection:
        if await connection.fetchval("select to_regclass('schema_version')") is None:
            raise Fatal(f"the database has no tables yet: {advice}")
        missing = _missing(collect(packages), await _present(connection))
    if missing:
        raise Fatal(f"the database lacks {missing[0].package}/{missing[0].name}: {advice}")


async def _present(connection: Connection) -> dict[tuple[str, int], str]:
    rows = await connection.fetch("select package, version, digest from schema_version")
    return {(row["package"], row["version"]): row["digest"] for row in rows}


def _missing(wanted: list[Migration], present: dict[tuple[str, int], str]) -> list[Migration]:
    for one in wanted:
        if present.get((one.package, one.version), one.digest) != one.digest:
            raise Fatal(f"{one.package}/{one.name} was changed after it had been applied")
    return [one for one in wanted if (one.package, one.version) not in present]
