"""Every row of docs/rewriting.md's closed list of edits to HTML, carried out by the rewriter as it stands there."""

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from schemas.identity import MessageId
from schemas.settings import PixelPosition
from services.rewriter import instrument
from services.rewriter.copies import renditions
from tests.rewriter.given import KEYS, TERMS, a_mail, refuses_nobody

PAGE = (Path(__file__).parents[2] / "docs" / "rewriting.md").read_text("utf-8")
TABLE = PAGE.partition("| edit | from | to |\n")[2].partition("\n\n")[0]
ROWS = [
    pytest.param(*(re.findall(r"`(.*?)`(?: or |$)", cell) for cell in cells[1:]), id=cells[0])
    for cells in (re.split(r" ?\| ?", line)[1:-1] for line in TABLE.splitlines()[1:])
]
OFFER = {"name": "offer.pdf", "content": base64.b64encode(b"PDF").decode(), "followed": True}
LOGO = {"name": "l.gif", "content": base64.b64encode(b"GIF89a").decode(), "content_id": "logo"}
PIXEL = re.compile(r'<img src="https://t\.example/o/[^"]+\.gif"[^>]*>')


def followed(markup: str, to: str) -> Iterator[str]:
    """Follow it again and again, with what a row shows to be chosen; each time the tokens are others."""
    terms = replace(
        TERMS,
        canary="aria-hidden" in to,
        pixel_position=PixelPosition.START if "<body><img" in to else PixelPosition.END,
    )
    files = ([OFFER] if "/a/" in to else []) + ([LOGO] if "/i/" in to else [])
    mail = a_mail(html=markup, text=None, attachments=files, host_pictures=True)
    for number in range(2_000):
        message = MessageId(UUID(int=number))
        prepared = instrument.prepare(mail, message, terms, KEYS, refuses_nobody)
        (copy,) = renditions(prepared)
        yield copy.html or ""


def shape(example: str) -> re.Pattern[str]:
    return re.compile(re.escape(example).replace("…", "[^<>]*"))


@pytest.mark.parametrize(("before", "after"), ROWS)
def test_each_edit_is_what_the_page_says(before: list[str], after: list[str]) -> None:
    ((markup,), (to,)) = (before, after)
    wanted = shape(to)
    for out in followed(markup, to):
        shown = out if "<img" in to and "/i/" not in to else PIXEL.sub("", out)
        if wanted.fullmatch(shown):
            return
        # Only how a token ends is left to chance.
        assert '…-"' in to, out
    pytest.fail(f"no token ends so: {to}")
