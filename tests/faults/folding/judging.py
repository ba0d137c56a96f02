"""Holds what the doors say, and the facts that were stated, against the ledger. Pure."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from tests.faults.folding.story import Figure, Ledger, Named, Place

_MESSAGE_ID = len("00000000-0000-0000-0000-000000000000")


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What is missing, what is too much, and what else differs."""

    counted: int = 0
    """How many interactions the doors count, of everybody, each once."""
    lost: int = 0
    doubled: int = 0
    differences: list[str] = field(default_factory=list)
    """Every figure that is another, a sentence each."""
    again: int = 0
    """How many facts were published again under their ids."""


def judge(
    ledger: Ledger, figures: Mapping[Place, Figure], stated: Mapping[Named, list[str]]
) -> Verdict:
    """Compare every figure, and every fact with the ids under which it was published."""
    verdict = Verdict()
    wanted = ledger.figures()
    for place in sorted(wanted.keys() | figures.keys()):
        want, have = wanted.get(place), figures.get(place)
        if _is_events(place):
            missing = (want.times if want else 0) - (have.times if have else 0)
            verdict.counted += have.times if have else 0
            verdict.lost += max(0, missing)
            verdict.doubled += max(0, -missing)
        if want != have:
            verdict.differences.append(f"{place}: {have} at the door, {want} in the ledger")
    _judge_facts(verdict, ledger.facts(), stated)
    return verdict


def _judge_facts(verdict: Verdict, wanted: Set[Named], stated: Mapping[Named, list[str]]) -> None:
    verdict.lost += len(wanted - stated.keys())
    verdict.doubled += len(stated.keys() - wanted)
    owners: dict[str, Named] = {}
    for name, ids in stated.items():
        verdict.doubled += len(set(ids)) - 1
        verdict.again += len(ids) - len(set(ids))
        for each in set(ids):
            if owners.setdefault(each, name) != name:
                verdict.differences.append(f"the id {each} is that of {name} and {owners[each]}")


def _is_events(place: Place) -> bool:
    """Tell whether a figure is of a message itself, where each event counts once, people's or not."""
    return not place.human and len(place.of) == _MESSAGE_ID
