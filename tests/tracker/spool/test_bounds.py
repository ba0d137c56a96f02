from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import Tenant
from services.tracker.spool.bounds import Bounds, Refusal

A, B = Tenant("a"), Tenant("b")
PUTS = st.lists(st.tuples(st.sampled_from((A, B)), st.integers(1, 400)), max_size=30)


def test_the_whole_is_bounded_with_what_lies_in_files() -> None:
    bounds = Bounds(1000, 100, 10_000)
    bounds.grew(400)
    assert bounds.admit(A, 601) is Refusal.FULL
    assert bounds.full
    assert bounds.admit(A, 600) is None
    assert bounds.bytes == 1000
    bounds.left(400, {})
    assert not bounds.full


def test_a_tenant_is_bounded_by_its_share() -> None:
    bounds = Bounds(1000, 25, 10_000)
    bounds.found(200, {A: 200})
    assert bounds.admit(A, 51) is Refusal.TENANT_SHARE
    assert not bounds.full
    assert bounds.admit(A, 50) is None
    assert bounds.admit(B, 250) is None


def test_what_waits_in_memory_is_bounded() -> None:
    bounds = Bounds(10_000, 100, 100)
    assert bounds.admit(A, 100) is None
    assert bounds.admit(A, 1) is Refusal.BACKLOG
    bounds.written(100)
    bounds.grew(132)
    assert bounds.admit(A, 100) is None
    assert (bounds.bytes, bounds.pending, dict(bounds.tenants)) == (232, 100, {A: 200})


@given(PUTS, st.data())
def test_every_byte_that_comes_goes(puts: list[tuple[Tenant, int]], data: st.DataObject) -> None:
    bounds = Bounds(5000, 60, 2000)
    shares: dict[Tenant, int] = {}
    filed = 0
    for tenant, size in puts:
        before = (bounds.bytes, dict(bounds.tenants))
        if bounds.admit(tenant, size) is not None:
            assert (bounds.bytes, dict(bounds.tenants)) == before
        elif data.draw(st.booleans()):
            bounds.written(size)
            bounds.grew(size + 32)
            filed += size + 32
            shares[tenant] = shares.get(tenant, 0) + size
        else:
            bounds.withdrawn(tenant, size)
    assert (bounds.bytes, bounds.pending, dict(bounds.tenants)) == (filed, 0, shares)
    bounds.left(filed, shares)
    assert (bounds.bytes, dict(bounds.tenants)) == (0, {})
