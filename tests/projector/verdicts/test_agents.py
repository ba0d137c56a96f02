"""Which agents say what they are."""

import pytest

from services.projector.verdicts import agents
from services.projector.verdicts.agents import Agent


@pytest.mark.parametrize(
    "user_agent",
    ["python-requests/2.32.3", "curl/8.5.0", "Go-http-client/1.1", "Slackbot-LinkExpanding 1.0"],
)
def test_the_public_list_knows_libraries_and_link_previews(user_agent: str) -> None:
    assert agents.is_crawler(user_agent)


def test_the_public_list_would_drop_every_open_in_gmail_and_yahoo() -> None:
    # The reason why the proxies are asked about before; when this fails, the order may no longer matter.
    assert agents.is_crawler("Mozilla/5.0 (via ggpht.com GoogleImageProxy)")
    assert agents.is_crawler("YahooMailProxy; https://help.yahoo.com/kb/")


@pytest.mark.parametrize("user_agent", ["BarracudaCentral", "Barracuda Sentinel (EE)"])
def test_a_gateway_that_names_itself_is_known_only_to_our_own_marks(user_agent: str) -> None:
    assert agents.is_scanner(user_agent)
    assert not agents.is_crawler(user_agent)


def test_people_are_those_who_look_themselves_or_by_their_providers_proxy() -> None:
    assert [each for each in Agent if each.human] == [Agent.PERSON, Agent.PERSON_BY_PROXY]
