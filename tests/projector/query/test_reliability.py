import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.projector.query.reliability import Code, Judged, judge, shape

PRIVACY = ("privacy_prefetch", "apple_privacy_agent", False)
SCANNER = ("scanner", "head_method", False)
PERSON = ("person", "no_rule_matched", True)


def by(*counts: tuple[tuple[str, str, bool], int]) -> list[Judged]:
    return [
        Judged(agent=agent, rule=rule, human=human, opens=opens)
        for (agent, rule, human), opens in counts
    ]


@pytest.mark.parametrize(
    ("rules", "reacted", "unopened", "code", "words"),
    [
        (by(), 0, 0, "unknown", "No open"),
        (by(), 2, 2, "unreliable", "pictures"),
        (by((PRIVACY, 3)), 0, 0, "unreliable", "Apple's privacy proxy"),
        (by((PRIVACY, 3), (SCANNER, 1)), 0, 0, "unreliable", "only from machines"),
        (by((PERSON, 1), (PRIVACY, 2)), 0, 0, "mixed", "Most opens"),
        (by((PERSON, 1), (PRIVACY, 1)), 0, 0, "reliable", "mostly their own"),
        (by((PERSON, 4)), 4, 2, "mixed", "without an open"),
        (by((PERSON, 4)), 4, 1, "reliable", "mostly their own"),
    ],
)
def test_what_opens_are_worth_is_said_by_the_stated_formula(
    rules: list[Judged], reacted: int, unopened: int, code: str, words: str
) -> None:
    found, detail = judge(rules, reacted=reacted, reacted_unopened=unopened)
    assert found == code
    assert words in detail


def test_the_inputs_are_shown() -> None:
    shown = shape(by((PRIVACY, 3), (PERSON, 1)), reacted=4, reacted_unopened=1)
    assert shown["machine_share"] == {"value": 0.75, "numerator": 3, "denominator": 4}
    assert shown["unopened_share"] == {"value": 0.25, "numerator": 1, "denominator": 4}
    assert shown["rules"] == [
        {"agent": "privacy_prefetch", "rule": "apple_privacy_agent", "human": False, "opens": 3},
        {"agent": "person", "rule": "no_rule_matched", "human": True, "opens": 1},
    ]


@given(
    st.lists(st.tuples(st.sampled_from([PRIVACY, SCANNER, PERSON]), st.integers(1, 9)), max_size=4),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_opens_are_reliable_only_where_a_person_was_seen(
    counts: list[tuple[tuple[str, str, bool], int]], reacted: int, unopened: int
) -> None:
    rules = by(*counts)
    code, detail = judge(rules, reacted=reacted, reacted_unopened=min(reacted, unopened))
    assert detail.endswith(".")
    if code in (Code.MIXED, Code.RELIABLE):
        assert any(one.human for one in rules)
    assert (code is Code.UNKNOWN) == (not rules and not reacted)
