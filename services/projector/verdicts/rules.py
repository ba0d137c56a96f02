"""One hit judged by itself: the rules in the order in which they are asked; the first that answers decides.

A rule sees the request and nothing else. Each says in its docstring where it comes from. A new rule, or another
order, reclassifies history by a rebuild.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from schemas.events import CANARY_LINK_INDEX, Hit, LinkClicked, ReplyKind
from services.projector.verdicts import agents
from services.projector.verdicts.agents import Agent

# An agent has at most 512 characters, so this is at most some 15 MB.
_REMEMBERED_REQUESTS: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """A request cut down to what the rules look at."""

    method: str
    user_agent: str
    purpose: str | None = None
    sec_purpose: str | None = None
    canary: bool = False


class Verdict(NamedTuple):
    """What we believe of one interaction, the rule that says so, and whether it counts as a person's.

    In the order of the columns of ``staged_hit``.
    """

    agent: Agent
    rule: str
    human: bool


Rule = Callable[[Signals], Agent | None]


def canary(request: Signals) -> Agent | None:
    """No person sees a mail's canary link, so whatever follows it reads the mail's source.

    tracking-practice §2.2, "Honeypot link"; nation.marketo.com 351630.
    """
    return Agent.SCANNER if request.canary else None


def head_method(request: Signals) -> Agent | None:
    """No mail program shows a picture or opens a page by HEAD; scanners look at headers only.

    tracking-practice §2.2, "HEAD / no browser headers".
    """
    return Agent.SCANNER if request.method == "HEAD" else None


def prefetch_header(request: Signals) -> Agent | None:
    """Browsers mark what they load ahead: Sec-Purpose (WHATWG Fetch), Purpose, X-Purpose: preview, X-Moz: prefetch."""
    words = f"{request.purpose or ''} {request.sec_purpose or ''}".lower()
    return Agent.PREFETCH if any(mark in words for mark in _AHEAD) else None


_AHEAD: Final = ("prefetch", "prerender", "preview")


def apple_privacy_agent(request: Signals) -> Agent | None:
    """Apple's Mail Privacy Protection sends exactly ``Mozilla/5.0`` and loads whether or not the mail is read.

    help.socketlabs.com "Identifying Apple MPP opens"; the same agent with more behind it is a browser.
    """
    return Agent.PRIVACY_PREFETCH if request.user_agent == agents.APPLE_PRIVACY_AGENT else None


def gmail_prefetch_agent(request: Signals) -> Agent | None:
    """Gmail loads a waiting thread once before it is shown, as an Edge 12 that never existed so.

    bird.com "Gmail prefetching images": 1 to 6 % of opens in Gmail; a person's open comes by the image proxy.
    """
    return Agent.PREFETCH if request.user_agent == agents.GMAIL_PREFETCH_AGENT else None


def gmail_image_proxy(request: Signals) -> Agent | None:
    """Gmail's image proxy loads when the person opens, so it is a person; lists of crawlers have it wrong.

    scientiamobile.com "What is Google Image Proxy".
    """
    found = agents.bears(request.user_agent, agents.GMAIL_PROXY_MARKS)
    return Agent.PERSON_BY_PROXY if found else None


def yahoo_mail_proxy(request: Signals) -> Agent | None:
    """Yahoo's and AOL's proxy loads when the person opens, so it is a person; lists of crawlers have it wrong.

    litmus.com "Why do I see a spike in Yahoo! Mail opens?".
    """
    found = agents.bears(request.user_agent, agents.YAHOO_PROXY_MARKS)
    return Agent.PERSON_BY_PROXY if found else None


def no_agent(request: Signals) -> Agent | None:
    """Every mail program and browser names itself; what sends no agent, or blanks, is a script.

    tracking-practice §2.4: no list catches it.
    """
    return None if request.user_agent.strip() else Agent.MACHINE


def scanner_agent(request: Signals) -> Agent | None:
    """Mail gateways that name themselves, as Barracuda's does; tracking-practice §2.4: missing in the public list."""
    return Agent.SCANNER if agents.is_scanner(request.user_agent) else None


def library_agent(request: Signals) -> Agent | None:
    """HTTP libraries under the name they have when nobody gives them one; JDK ``http.agent``, nodejs/undici."""
    return Agent.MACHINE if request.user_agent.startswith(agents.LIBRARY_PREFIXES) else None


def crawler_agent(request: Signals) -> Agent | None:
    """Crawlers, link previews and HTTP libraries by name; github.com/monperrus/crawler-user-agents."""
    return Agent.MACHINE if agents.is_crawler(request.user_agent) else None


RULES: Final[tuple[Rule, ...]] = (
    canary,
    head_method,
    prefetch_header,
    apple_privacy_agent,
    gmail_prefetch_agent,
    gmail_image_proxy,
    yahoo_mail_proxy,
    no_agent,
    scanner_agent,
    library_agent,
    crawler_agent,
)
NO_RULE_MATCHED: Final = Verdict(Agent.PERSON, "no_rule_matched", Agent.PERSON.human)


def judge(hit: Hit) -> Verdict:
    """Judge one hit by itself; what no rule speaks against is a person."""
    on_canary = isinstance(hit, LinkClicked) and hit.link_index == CANARY_LINK_INDEX
    return judge_request(hit.method, hit.user_agent, hit.purpose, hit.sec_purpose, on_canary)


@lru_cache(maxsize=_REMEMBERED_REQUESTS)
def judge_request(
    method: str,
    user_agent: str,
    purpose: str | None,
    sec_purpose: str | None,
    on_canary: bool = False,
) -> Verdict:
    """Judge a hit by all that the rules look at; agents repeat, so most are remembered."""
    signals = Signals(
        method=method,
        user_agent=user_agent,
        purpose=purpose,
        sec_purpose=sec_purpose,
        canary=on_canary,
    )
    for rule in RULES:
        agent = rule(signals)
        if agent is not None:
            return Verdict(agent, rule.__name__, agent.human)
    return NO_RULE_MATCHED


def judge_reply(kind: ReplyKind) -> bool:
    """Tell whether a reply counts as a person's; the rewriter has told automatic ones apart."""
    return kind is ReplyKind.HUMAN
