"""What a test leaves behind never reaches the next one."""

import pytest

from tests.support.shelf import Shelf

_STATES = "select last_value, is_called from projector.outbox_seq_seq"


def test_rows_and_numbers_of_one_test_are_gone_for_the_next(shelf: Shelf) -> None:
    with shelf.database() as database:
        fresh = database.execute(_STATES)
        database.execute("insert into projector.tenant_setting values ('demo', true)")
        database.execute("select nextval('projector.outbox_seq_seq')")
        assert database.execute(_STATES) != fresh
    with shelf.database() as again:
        assert again == database
        assert again.execute(_STATES) == fresh
        assert again.execute("select count(*) from projector.tenant_setting") == "0"
        assert again.execute("select count(*) > 0 from projector.schema_version") == "t"


@pytest.mark.parametrize(
    "change",
    [
        "create table projector.left_behind (id int)",
        "create schema beside",
        "alter table projector.message add column note text",
        "alter table projector.message alter column owner set default 'ana'",
        "drop index projector.message_by_sent",
        "grant select on projector.quarantine to inkling_projector_reader",
        "create function projector.one() returns int language sql return 1",
        "analyze projector.schema_version",
        "update projector.schema_version set digest = 'edited' where version = 1",
        "alter database current set statement_timeout = 1",
        "alter database current connection limit 3",
    ],
)
def test_a_database_in_which_more_was_changed_is_not_given_again(shelf: Shelf, change: str) -> None:
    with shelf.database() as database:
        database.execute(change.replace("database current", f"database {database.name}"))
    with shelf.database() as another:
        assert another != database
        assert another.execute("select to_regclass('projector.left_behind') is null") == "t"
