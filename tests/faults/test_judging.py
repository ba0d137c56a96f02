"""The judge of the projector: what it calls lost and doubled."""

import pytest

from schemas.instant import Instant
from tests.faults.folding.judging import judge
from tests.faults.folding.story import Figure, Ledger, Named, Place, Story

Figures = dict[Place, Figure]
Stated = dict[Named, list[str]]


@pytest.fixture
def ledger() -> Ledger:
    story = Story(7, now=Instant(1_790_000_000_000_000), partitions=4, mails=6)
    ledger = Ledger()
    for one in [*story.prepared(), *story.happenings(200)]:
        ledger.acknowledge(one)
    return ledger


@pytest.fixture
def stated(ledger: Ledger) -> Stated:
    return {name: [f"id-{number}"] for number, name in enumerate(ledger.facts())}


def a_message(figures: Figures) -> Place:
    return next(
        each for each in figures if each.part == "opens" and len(each.of) == 36 and not each.human
    )


def test_what_is_as_the_ledger_has_it_holds(ledger: Ledger, stated: Stated) -> None:
    verdict = judge(ledger, ledger.figures(), stated)
    assert (verdict.counted, verdict.lost, verdict.doubled) == (200, 0, 0)
    assert (verdict.differences, verdict.again) == ([], 0)


@pytest.mark.parametrize(("more", "lost", "doubled"), [(-1, 1, 0), (1, 0, 1)])
def test_one_too_few_is_lost_and_one_too_many_is_doubled(
    ledger: Ledger, stated: Stated, more: int, lost: int, doubled: int
) -> None:
    figures = ledger.figures()
    place = a_message(figures)
    figures[place] = figures[place]._replace(times=figures[place].times + more)
    verdict = judge(ledger, figures, stated)
    assert (verdict.counted, verdict.lost, verdict.doubled) == (200 + more, lost, doubled)
    assert len(verdict.differences) == 1


def test_a_message_of_which_nothing_is_counted_and_one_of_nobody_are_seen(
    ledger: Ledger, stated: Stated
) -> None:
    figures = ledger.figures()
    gone = figures.pop(a_message(figures))
    figures[Place("t", "0" * 36, "opens", human=False)] = Figure(2, "a", "b")
    verdict = judge(ledger, figures, stated)
    assert (verdict.lost, verdict.doubled) == (gone.times, 2)


@pytest.mark.parametrize("which", ["link", "template", "human"])
def test_a_part_or_a_time_that_differs_does_not_hold_though_nothing_is_lost(
    ledger: Ledger, stated: Stated, which: str
) -> None:
    figures = ledger.figures()
    place = next(
        each for each in figures if (each.human if which == "human" else each.of.find(which) >= 0)
    )
    figures[place] = figures[place]._replace(first_at="1970-01-01T00:00:00.000000Z")
    verdict = judge(ledger, figures, stated)
    assert (verdict.lost, verdict.doubled, len(verdict.differences)) == (0, 0, 1)


def test_facts_are_there_once_under_one_id_and_no_others(ledger: Ledger, stated: Stated) -> None:
    names = list(stated)
    del stated[names[0]]
    stated[names[1]] = ["id-1", "id-1"]
    stated[names[2]] = ["id-2", "another"]
    stated[Named("t", "0" * 36, None, "message.registered.v1")] = ["stranger"]
    verdict = judge(ledger, ledger.figures(), stated)
    assert (verdict.lost, verdict.doubled, verdict.again) == (1, 2, 1)
    stated[names[3]] = stated[names[4]]
    assert len(judge(ledger, ledger.figures(), stated).differences) == 1
