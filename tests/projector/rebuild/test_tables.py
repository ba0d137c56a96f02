"""Every table is a read model or is kept, and is named by its key."""

import pytest

from services.projector.rebuild.tables import KEPT, READ_MODELS, UnknownTablesError, present
from tests.projector.store import Store


async def test_every_table_of_the_schema_is_accounted_for(store: Store) -> None:
    rows = await store.pool.fetch(
        "select relname::text as name from pg_class where relnamespace = 'projector'::regnamespace"
        " and relkind in ('r', 'p') and not relispartition"
    )
    there = {row["name"] for row in rows}
    assert set(present(there)) == READ_MODELS.keys()
    assert there == READ_MODELS.keys() | KEPT


async def test_a_row_is_named_by_the_key_of_its_table_and_its_tenant_but_for_the_lane(
    store: Store,
) -> None:
    for table, key in READ_MODELS.items():
        rows = await store.pool.fetch(
            "select attname::text as name from pg_index join pg_attribute"
            " on attrelid = indrelid and attnum = any(indkey)"
            " where indisprimary and indrelid = $1::text::regclass",
            table,
        )
        assert {row["name"] for row in rows} - {"lane"} | {"tenant"} == set(key), table


def test_a_table_that_nobody_knows_stops_a_rebuild() -> None:
    assert present(["message", "outbox", "link"]) == ("message", "link")
    with pytest.raises(UnknownTablesError, match="novelty"):
        present(["message", "novelty"])
