"""The judge: what it calls lost, doubled and invented, from the ledger's file alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.accounts import Accounts, Copy, Hit, Outcome, acknowledged, judge
from tests.faults.ground import Row
from tests.faults.table import write


def a_hit(number: int, link: int | None = None) -> Hit:
    return Hit(number, "demo", f"m-{number}", link, "/o/x.gif")


def a_copy(number: int, event_id: str = "", link: int | None = None) -> Copy:
    return Copy(event_id or f"e-{number}", "demo", f"m-{number}", link)


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    accounts = Accounts(tmp_path / "ledger", "abc")
    outcomes = (Outcome.ACKNOWLEDGED, Outcome.ACKNOWLEDGED, Outcome.REFUSED, Outcome.UNKNOWN)
    for number, outcome in enumerate(outcomes):
        accounts.issue(a_hit(number))
        accounts.conclude(a_hit(number), outcome)
    accounts.issue(a_hit(4))  # and the judge itself was interrupted
    accounts.sync()
    yield accounts
    accounts.close()


def test_all_that_was_acknowledged_is_there(accounts: Accounts) -> None:
    verdict = judge(accounts.path, {0: [a_copy(0)], 1: [a_copy(1)]})
    assert (verdict.issued, verdict.acknowledged, verdict.recovered) == (5, 2, 2)
    assert (verdict.refused, verdict.unknown) == (1, 2)
    assert (verdict.lost, verdict.doubled, verdict.invented) == ([], [], [])
    assert acknowledged(accounts.path) == {0, 1}


def test_what_was_acknowledged_and_is_not_there_is_lost(accounts: Accounts) -> None:
    verdict = judge(accounts.path, {1: [a_copy(1)], 2: [a_copy(2)]})
    assert verdict.lost == [0]


def test_what_was_refused_or_has_no_answer_may_be_there_once(accounts: Accounts) -> None:
    found = {number: [a_copy(number)] for number in range(5)}
    verdict = judge(accounts.path, found)
    assert (verdict.lost, verdict.doubled, verdict.invented) == ([], [], [])


@pytest.mark.parametrize("number", [0, 2, 3, 4])
def test_two_events_of_one_hit_are_doubled_and_two_copies_of_one_event_are_not(
    accounts: Accounts, number: int
) -> None:
    found = {
        0: [a_copy(0)],
        1: [a_copy(1), a_copy(1)],
        number: [a_copy(number), a_copy(number, "")],
    }
    assert judge(accounts.path, found).doubled == []
    found[number] = [a_copy(number), a_copy(number, "another")]
    verdict = judge(accounts.path, found)
    assert verdict.doubled == [number]
    assert verdict.repeated == 1


def test_what_nobody_issued_or_says_something_else_is_invented(accounts: Accounts) -> None:
    found = {0: [a_copy(0, link=3)], 1: [a_copy(1)], 9: [a_copy(9)]}
    assert judge(accounts.path, found).invented == [0, 9]


def test_a_hit_is_known_by_its_user_agent_in_its_own_run_alone(accounts: Accounts) -> None:
    assert accounts.number_in(accounts.mark(17)) == 17
    assert accounts.number_in(accounts.mark(17).replace("abc", "abd")) is None
    assert accounts.number_in("Mozilla/5.0") is None


def test_a_row_that_loses_doubles_or_breaks_a_promise_does_not_hold() -> None:
    row = Row(fault="E1", seed=7, kill_point="hit 3", acknowledged=1_000, counted=1_000)
    assert row.holds
    for change in ({"lost": 1}, {"doubled": 1}, {"broken": ["it hung"]}):
        told = {"fault": "E1", "seed": 7, "kill_point": "hit 3", **change}
        assert not Row(**told).holds  # type: ignore[arg-type]


def test_the_table_shows_every_row_and_what_does_not_hold() -> None:
    rows = [
        Row(fault="E1 killed", seed=7, kill_point="hit 3", acknowledged=12_345, counted=12_344),
        Row(fault="E6", seed=7, kill_point="", skipped="not root"),
    ]
    rows[0].lost = 1
    rows[0].broken.append("it hung")
    lines = write(rows).splitlines()
    assert lines[0].split() == [
        "fault",
        "seed",
        "kill",
        "point",
        "acknowledged",
        "counted",
        "lost",
        "doubled",
    ]
    assert lines[2].split() == ["E1", "killed", "7", "hit", "3", "12,345", "12,344", "1", "0"]
    assert lines[3] == "    DOES NOT HOLD: it hung"
    assert "skipped: not root" in lines[4]
