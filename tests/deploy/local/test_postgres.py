from __future__ import annotations

import pytest

from deploy.local.postgres import DATABASE, ROLES, Postgres, StatementFailedError
from tests.support.stack import Database


def test_a_fresh_database_has_the_roles_and_their_schemas(database: Database) -> None:
    found = database.execute("select rolname from pg_roles where rolcanlogin and not rolsuper")
    assert set(found.splitlines()) == set(ROLES)
    owners = database.execute(
        "select nspname, nspowner::regrole from pg_namespace where nspname in ('projector', 'alerts')"
    )
    assert set(owners.splitlines()) == {
        "projector|inkling_projector_owner",
        "alerts|inkling_alerts_owner",
    }


def test_databases_of_two_tests_share_nothing(
    database: Database, postgres_server: Postgres
) -> None:
    database.execute("create table projector.mine ()")
    with pytest.raises(StatementFailedError, match="does not exist"):
        postgres_server.execute("select * from projector.mine", "inkling_template")


def test_preparing_twice_changes_nothing(postgres_server: Postgres) -> None:
    postgres_server.prepare(DATABASE)
    postgres_server.prepare(DATABASE)


def test_the_server_speaks_utf8_and_utc(database: Database) -> None:
    assert database.execute("show server_encoding; show timezone") == "UTF8\nUTC"


def test_a_refused_script_says_why(postgres_server: Postgres) -> None:
    with pytest.raises(StatementFailedError, match="syntax error"):
        postgres_server.execute("selec 1")
