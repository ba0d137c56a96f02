"""Recipients' preferences in memory: what they answer, against a plain dict, and what many of them cost."""

import subprocess
import sys
from pathlib import Path

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import RecipientRef, Tenant
from schemas.instant import Instant
from schemas.settings import Follow, PreferenceSet
from services.rewriter import preferences
from services.rewriter.preferences import Preferences

ONE, OTHER = Tenant("one"), Tenant("other")
ROOT = Path(__file__).parents[2]
COUNT = 200_000

# Near to each other, at both ends of what a ref can be, and far away.
REFS = st.one_of(
    st.integers(0, 40), st.integers(2**64 - 20, 2**64 - 1), st.integers(0, 2**64 - 1)
).map(lambda number: RecipientRef(f"{number:016x}"))
STEPS = st.lists(
    st.tuples(
        st.sampled_from([ONE, OTHER]),
        REFS,
        st.sampled_from([*Follow, None]),
        st.integers(0, 2**50),
        st.sampled_from(["ana", "ben", "önder"]),
    ),
    max_size=150,
)


@given(STEPS, st.integers(1, 6))
def test_it_answers_as_a_dict_does(
    steps: list[tuple[Tenant, RecipientRef, Follow | None, int, str]], block: int
) -> None:
    whole, preferences._BLOCK = preferences._BLOCK, block  # type: ignore[misc]  # small blocks split often
    try:
        held, plain = Preferences(), dict[tuple[Tenant, RecipientRef], PreferenceSet]()
        for tenant, ref, follow, since, by in steps:
            if follow is None:
                held.forget(tenant, ref)
                plain.pop((tenant, ref), None)
            else:
                event = PreferenceSet(ref=ref, follow=follow, since=Instant(since), by=by)
                held.set(tenant, event)
                plain[tenant, ref] = event
            assert held.get(tenant, ref) == plain.get((tenant, ref))
    finally:
        preferences._BLOCK = whole  # type: ignore[misc]
    assert len(held) == len(plain)
    for tenant in (ONE, OTHER):
        for _, ref, *_ in steps:
            found = plain.get((tenant, ref))
            assert held.get(tenant, ref) == found
            assert held.refuses(tenant, ref) == (
                found is not None and found.follow is Follow.DO_NOT_ALLOW
            )


def test_what_nobody_set_is_not_there() -> None:
    held, ref = Preferences(), RecipientRef("00112233445566ff")
    held.forget(ONE, ref)
    assert (held.get(ONE, ref), held.refuses(ONE, ref), len(held)) == (None, False, 0)


def test_a_refusal_costs_a_process_less_than_40_bytes() -> None:
    ran = subprocess.run(  # noqa: S603 our own interpreter and module
        [sys.executable, "-m", "tests.rewriter.many_refusals", str(COUNT)],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    told = orjson.loads(ran.stdout)
    assert told["count"] == COUNT
    # what they cost at any moment, not only afterwards; `make bench T=preferences` has a million
    assert told["highest"] < 40 * COUNT
