"""The table holds what a dict would, whatever is set, merged and taken over in whatever order."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import RecipientRef, Tenant
from services.tracker.refusals import table as tables
from services.tracker.refusals.table import Table, Verdict, key_of, merge
from tests.tracker.refusals.given import OTHER, REF, SECOND, TENANT

TENANTS = (TENANT, OTHER)
# few, so that they are met again; the ends of the range among them
REFS = tuple(
    RecipientRef(f"{number:016x}") for number in (0, 1, 2, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1)
)
WHO = st.tuples(st.sampled_from(TENANTS), st.sampled_from(REFS))
STEP = st.one_of(
    st.tuples(st.just("set"), WHO, st.booleans()),
    st.tuples(st.just("engagement"), st.sampled_from(TENANTS), st.booleans()),
    st.tuples(st.just("merge")),
    st.tuples(st.just("freeze")),
    st.tuples(st.just("rebase")),
    st.tuples(st.just("reload")),
)


class Model:
    """What a table should hold, the plain way."""

    def __init__(self) -> None:
        self.refuses: dict[tuple[Tenant, RecipientRef], bool] = {}
        self.on: dict[Tenant, bool] = {}

    def judge(self, tenant: Tenant, refs: Sequence[RecipientRef]) -> Verdict | None:
        if not self.on.get(tenant, True):
            return Verdict.ENGAGEMENT_OFF
        refused = any(self.refuses.get((tenant, ref)) for ref in refs)
        return Verdict.REFUSED if refused else None


def assert_same(table: Table, model: Model) -> None:
    assert len(table) == sum(model.refuses.values())
    assert table.off == {tenant for tenant, on in model.on.items() if not on}
    for tenant in TENANTS:
        for ref in REFS:
            assert table.judge(tenant, (ref,)) == model.judge(tenant, (ref,))
            assert table.judge(tenant, (REF, ref)) == model.judge(tenant, (REF, ref))


@given(st.lists(STEP, max_size=40))
def test_a_table_holds_what_a_dict_would(steps: list[tuple[Any, ...]]) -> None:
    table, model, offset = Table(), Model(), 0
    frozen, frozen_at = table.freeze(), 0
    for step in steps:
        match step:
            case ("set", (tenant, ref), bool() as refuses):
                table.set(tenant, ref, refuses, offset=offset)
                model.refuses[(tenant, ref)] = refuses
                offset += 1
            case ("engagement", tenant, bool() as on):
                table.engagement(tenant, on)
                model.on[tenant] = on
                offset += 1
            case ("merge",):
                table.merge()
                assert table.changes == 0
            case ("freeze",):
                frozen, frozen_at = table.freeze(), offset
            case ("rebase",):
                table.rebase(frozen.merged(), frozen_at)
            case _:
                now = table.freeze()
                table = Table(now.merged(), now.off, offset)
        assert_same(table, model)


@given(st.sets(st.integers(0, 2**64 - 1), max_size=60), st.data())
def test_merging_keeps_the_array_sorted_and_whole(keys: set[int], data: st.DataObject) -> None:
    some = st.sampled_from(sorted(keys)) if keys else st.nothing()
    changes = data.draw(
        st.dictionaries(some | st.integers(0, 2**64 - 1), st.booleans(), max_size=20)
    )
    array = merge(tables.NONE, dict.fromkeys(keys, 1))
    assert list(array) == sorted(keys)
    found = merge(array, {key: int(adds) for key, adds in changes.items()})
    added = {key for key, adds in changes.items() if adds}
    assert list(found) == sorted(keys - changes.keys() | added)


def test_many_are_found_and_nobody_else() -> None:
    table = Table()
    refs = [RecipientRef(f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}") for number in range(20_000)]
    for offset, ref in enumerate(refs[::2]):
        table.set(TENANT, ref, True, offset=offset)
    assert len(table) == 10_000
    assert table.changes <= tables.MOST_CHANGES
    assert all(not table.records(TENANT, (ref,)) for ref in refs[::2])
    assert all(table.records(TENANT, (ref,)) for ref in refs[1::2])
    assert all(table.records(OTHER, (ref,)) for ref in refs)
    table.merge()
    assert all(not table.records(TENANT, (ref,)) for ref in refs[::2])
    assert all(table.records(TENANT, (ref,)) for ref in refs[1::2])


def test_one_refusal_among_the_refs_of_a_shared_copy_is_enough() -> None:
    table = Table()
    table.set(TENANT, SECOND, True)
    assert table.judge(TENANT, (REF,)) is None
    assert table.judge(TENANT, (REF, SECOND)) is Verdict.REFUSED
    assert table.judge(TENANT, (SECOND, REF)) is Verdict.REFUSED
    assert table.judge(OTHER, (REF, SECOND)) is None


def test_a_tenant_that_is_off_records_nothing_and_keeps_its_refusals() -> None:
    table = Table()
    table.set(TENANT, SECOND, True)
    table.engagement(TENANT, False)
    assert table.judge(TENANT, (REF,)) is Verdict.ENGAGEMENT_OFF
    assert table.judge(TENANT, (SECOND,)) is Verdict.ENGAGEMENT_OFF
    assert table.records(OTHER, (REF,))
    table.engagement(TENANT, True)
    assert table.records(TENANT, (REF,))
    assert table.judge(TENANT, (SECOND,)) is Verdict.REFUSED


def test_an_array_older_than_ours_is_not_taken_over() -> None:
    table = Table()
    table.set(TENANT, REF, True, offset=4)
    table.merge()
    assert not table.rebase(tables.NONE, 4)
    assert not table.records(TENANT, (REF,))
    assert table.rebase(merge(tables.NONE, {key_of(TENANT, REF): 1}), 5)
    assert not table.records(TENANT, (REF,))


def test_a_frozen_table_stays_as_it_was() -> None:
    table = Table()
    table.set(TENANT, REF, True)
    frozen = table.freeze()
    table.set(TENANT, REF, False)
    table.set(TENANT, SECOND, True)
    table.engagement(TENANT, False)
    assert list(frozen.merged()) == [key_of(TENANT, REF)]
    assert frozen.off == frozenset()


@pytest.mark.parametrize("tenant", TENANTS)
def test_keys_of_one_tenant_differ_wherever_its_refs_do(tenant: Tenant) -> None:
    keys = {key_of(tenant, ref) for ref in REFS}
    assert len(keys) == len(REFS)
    assert keys.isdisjoint(key_of(Tenant("a-third"), ref) for ref in REFS)
