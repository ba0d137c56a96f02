"""What opens say of one person, by a stated formula, with its inputs. Pure.

No open of a person's own was ever seen: ``unreliable`` where there are machines' opens, or reactions without any
open; ``unknown`` where there is nothing at all. Else ``mixed`` where more than half of the opens are machines', or half
or more of the mails that the person reacted to (clicked, viewed, replied) have no open; else ``reliable``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.projector.query.shapes import Shape, rate
from services.projector.verdicts.agents import Agent


class Code(StrEnum):
    """What opens of a person are worth."""

    UNKNOWN = "unknown"
    UNRELIABLE = "unreliable"
    MIXED = "mixed"
    RELIABLE = "reliable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How many opens one rule has judged."""

    agent: str
    rule: str
    human: bool
    opens: int


def judge(by_rule: Sequence[Judged], *, reacted: int, reacted_unopened: int) -> tuple[Code, str]:
    """Say what opens of a person are worth, and why; ``reacted`` counts mails."""
    opens = sum(one.opens for one in by_rule)
    machine = sum(one.opens for one in by_rule if not one.human)
    if opens == 0 and reacted == 0:
        return Code.UNKNOWN, "No open of this person has been seen yet."
    if opens == 0:
        return Code.UNRELIABLE, (
            "This person has reacted to emails without any open being seen, so pictures are"
            " probably not loaded."
        )
    if machine == opens:
        if all(one.agent == Agent.PRIVACY_PREFETCH for one in by_rule):
            return Code.UNRELIABLE, (
                "Opens of this person come only from Apple's privacy proxy, which loads pictures"
                " whether or not the email is read."
            )
        return Code.UNRELIABLE, "Opens of this person come only from machines."
    if 2 * machine > opens:
        return Code.MIXED, "Most opens of this person are machines'."
    if reacted and 2 * reacted_unopened >= reacted:
        return Code.MIXED, "This person often reacts to emails without an open being seen."
    return Code.RELIABLE, "Opens of this person are mostly their own."


def shape(by_rule: Sequence[Judged], *, reacted: int, reacted_unopened: int) -> Shape:
    """Write what opens of a person are worth, with everything it was judged by."""
    code, detail = judge(by_rule, reacted=reacted, reacted_unopened=reacted_unopened)
    opens = sum(one.opens for one in by_rule)
    return {
        "code": code,
        "detail": detail,
        "machine_share": rate(sum(one.opens for one in by_rule if not one.human), opens),
        "unopened_share": rate(reacted_unopened, reacted),
        "rules": [
            {"agent": one.agent, "rule": one.rule, "human": one.human, "opens": one.opens}
            for one in by_rule
        ],
    }
