"""Person or machine, by one hit alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import CANARY_LINK_INDEX, LinkClicked, MessageOpened, ReplyKind
from services.projector.verdicts import rules
from services.projector.verdicts.agents import Agent
from services.projector.verdicts.rules import Signals
from tests.projector.records import ANNA, message
from tests.projector.verdicts.corpus import CORPUS


def _hit(request: Signals) -> MessageOpened | LinkClicked:
    if request.canary:
        return LinkClicked(
            message_id=message(1),
            refs=(ANNA,),
            link_index=CANARY_LINK_INDEX,
            method=request.method,
            edge="edge-1",
            user_agent=request.user_agent,
        )
    return MessageOpened(
        message_id=message(1),
        refs=(ANNA,),
        method=request.method,
        edge="edge-1",
        user_agent=request.user_agent,
        purpose=request.purpose,
        sec_purpose=request.sec_purpose,
    )


@pytest.mark.parametrize(("request_", "agent", "rule"), CORPUS)
def test_the_corpus_is_judged_as_labelled(request_: Signals, agent: Agent, rule: str) -> None:
    verdict = rules.judge(_hit(request_))
    assert (verdict.agent, verdict.rule) == (agent, rule)


def test_every_rule_decides_some_request_of_the_corpus() -> None:
    named = {rule for _, _, rule in CORPUS}
    assert named == {rule.__name__ for rule in rules.RULES} | {rules.NO_RULE_MATCHED.rule}


def test_every_rule_says_where_it_comes_from() -> None:
    assert [rule.__name__ for rule in rules.RULES if not rule.__doc__] == []


@given(
    method=st.sampled_from(["GET", "HEAD"]),
    user_agent=st.text(max_size=512),
    purpose=st.none() | st.text(max_size=64),
    sec_purpose=st.none() | st.text(max_size=64),
)
def test_every_request_gets_a_verdict_with_a_rule(
    method: str, user_agent: str, purpose: str | None, sec_purpose: str | None
) -> None:
    request = Signals(
        method=method, user_agent=user_agent, purpose=purpose, sec_purpose=sec_purpose
    )
    verdict = rules.judge(_hit(request))
    assert verdict.human == verdict.agent.human
    assert verdict.rule in {*(rule.__name__ for rule in rules.RULES), "no_rule_matched"}


def test_a_reply_is_a_persons_unless_the_rewriter_calls_it_automatic() -> None:
    assert rules.judge_reply(ReplyKind.HUMAN)
    assert not rules.judge_reply(ReplyKind.AUTOMATIC)
