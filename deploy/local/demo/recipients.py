"""The recipients, played as their mail programs would: they load the pixel and follow links."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from html.parser import HTMLParser

import aiohttp

GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
APPLE_PRIVACY = "Mozilla/5.0"
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.5.0"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
SCANNER = "python-requests/2.32.5"


class _Markup(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("a", "area") and values.get("href"):
            self.links.append(values["href"] or "")
        if tag == "img" and values.get("src"):
            self.pictures.append(values["src"] or "")


@dataclass(frozen=True, slots=True)
class Copy:
    """A mail as it lies in one recipient's mailbox, with what the program sees in it."""

    tracker: str
    links: tuple[str, ...]
    pictures: tuple[str, ...]

    @classmethod
    def of(cls, html: str, tracker: str) -> Copy:
        """Read the mark-up as a mail program does."""
        markup = _Markup()
        markup.feed(html)
        return cls(tracker, tuple(markup.links), tuple(markup.pictures))

    @classmethod
    def of_mail(cls, mail: EmailMessage, tracker: str) -> Copy:
        """Read the mark-up that a mail carries."""
        body = mail.get_body(("html",))
        return cls.of("" if body is None else body.get_content(), tracker)

    async def open(self, session: aiohttp.ClientSession, user_agent: str) -> None:
        """Load the pictures that lie on the tracker, as showing the mail does."""
        for address in self.pictures:
            if address.startswith(self.tracker):
                headers = {"User-Agent": user_agent, "Accept": "image/*", "Accept-Language": "en"}
                async with session.get(address, headers=headers) as answer:
                    await answer.read()

    async def download(self, session: aiohttp.ClientSession, user_agent: str) -> list[str]:
        """Fetch every file that the mail offers, in two ranges as download programs do; how they are named."""
        named = []
        for address in self.links:
            if address.startswith(f"{self.tracker}/a/"):
                named += [
                    await _part(session, address, user_agent, span)
                    for span in ("bytes=0-99", "bytes=100-")
                ][:1]
        return named

    async def click(
        self, session: aiohttp.ClientSession, number: int, user_agent: str, method: str = "GET"
    ) -> str:
        """Follow one link as far as the redirect and return where it leads."""
        headers = {"User-Agent": user_agent, "Accept": "text/html", "Accept-Language": "en"}
        request = session.request(
            method, self.links[number], headers=headers, allow_redirects=False
        )
        async with request as answer:
            return answer.headers.get("Location", f"(status {answer.status})")


async def _part(session: aiohttp.ClientSession, address: str, user_agent: str, span: str) -> str:
    """Fetch a range of a file; how the file is to be saved."""
    headers = {"User-Agent": user_agent, "Range": span}
    async with session.get(address, headers=headers) as answer:
        await answer.read()
        return answer.headers.get("Content-Disposition", f"(status {answer.status})")
