"""Requests as they are seen in the wild, each with the verdict it must get: agent, rule."""

from services.projector.verdicts.agents import GMAIL_PREFETCH_AGENT, Agent
from services.projector.verdicts.rules import Signals

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Mobile/15E148"
)
OUTLOOK = (
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; .NET4.0C; .NET4.0E;"
    " Microsoft Outlook 16.0.17328; ms-office; MSOffice 16)"
)
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.2.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
HEADLESS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " HeadlessChrome/125.0.0.0 Safari/537.36"
)
BINGPREVIEW = (
    "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b"
)


def _get(user_agent: str, purpose: str | None = None, sec_purpose: str | None = None) -> Signals:
    return Signals(method="GET", user_agent=user_agent, purpose=purpose, sec_purpose=sec_purpose)


CORPUS: tuple[tuple[Signals, Agent, str], ...] = (
    (_get(CHROME), Agent.PERSON, "no_rule_matched"),
    (_get(IPHONE), Agent.PERSON, "no_rule_matched"),
    (_get(OUTLOOK), Agent.PERSON, "no_rule_matched"),
    (_get(THUNDERBIRD), Agent.PERSON, "no_rule_matched"),
    (_get("Mozilla/5.0 (Macintosh)"), Agent.PERSON, "no_rule_matched"),
    (_get(CHROME, purpose="navigate"), Agent.PERSON, "no_rule_matched"),
    (_get(GMAIL), Agent.PERSON_BY_PROXY, "gmail_image_proxy"),
    (_get(YAHOO), Agent.PERSON_BY_PROXY, "yahoo_mail_proxy"),
    (_get("Mozilla/5.0"), Agent.PRIVACY_PREFETCH, "apple_privacy_agent"),
    (_get(GMAIL_PREFETCH_AGENT), Agent.PREFETCH, "gmail_prefetch_agent"),
    (_get(CHROME, purpose="prefetch"), Agent.PREFETCH, "prefetch_header"),
    (_get(CHROME, purpose="preview"), Agent.PREFETCH, "prefetch_header"),
    (_get(CHROME, sec_purpose="prefetch;prerender"), Agent.PREFETCH, "prefetch_header"),
    (_get(CHROME, sec_purpose="Prefetch; anonymous-client-ip"), Agent.PREFETCH, "prefetch_header"),
    (_get(GMAIL, purpose="prefetch"), Agent.PREFETCH, "prefetch_header"),
    (Signals(method="HEAD", user_agent=CHROME), Agent.SCANNER, "head_method"),
    (Signals(method="GET", user_agent=CHROME, canary=True), Agent.SCANNER, "canary"),
    (Signals(method="GET", user_agent=GMAIL, canary=True), Agent.SCANNER, "canary"),
    (Signals(method="HEAD", user_agent=GMAIL), Agent.SCANNER, "head_method"),
    (_get(""), Agent.MACHINE, "no_agent"),
    (_get("  "), Agent.MACHINE, "no_agent"),
    (_get("BarracudaCentral"), Agent.SCANNER, "scanner_agent"),
    (_get("Barracuda Sentinel (EE)"), Agent.SCANNER, "scanner_agent"),
    (_get("python-requests/2.32.3"), Agent.MACHINE, "crawler_agent"),
    (_get("curl/8.5.0"), Agent.MACHINE, "crawler_agent"),
    (_get("Go-http-client/1.1"), Agent.MACHINE, "crawler_agent"),
    (_get("Java/17.0.2"), Agent.MACHINE, "library_agent"),
    (_get("undici"), Agent.MACHINE, "library_agent"),
    (_get("Apache-HttpClient/4.5.13 (Java/1.8.0_292)"), Agent.MACHINE, "crawler_agent"),
    (_get("Slackbot-LinkExpanding 1.0"), Agent.MACHINE, "crawler_agent"),
    (_get(BINGPREVIEW), Agent.MACHINE, "crawler_agent"),
    (_get(HEADLESS), Agent.MACHINE, "crawler_agent"),
)
