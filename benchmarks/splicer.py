"""What finding and splicing the links of a newsletter takes, beside lol_html with the same edits.

lol_html is told what to write and decides nothing. So the splicer is measured alone, its links decided before, and with
the decision which of them are followed, as the rewriter does it.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import lolhtml

from benchmarks.support import newsletter
from services.rewriter import html, links

ROUNDS = 15
TURNS = 20
BASE = "https://t.example"
URLS = [f"{BASE}/c/{'x' * 120}{number:03}" for number in range(newsletter.LINKS)]
PIXEL = f"{BASE}/o/{'x' * 60}.gif"


def alone(decided: Sequence[links.Link]) -> Callable[[str], str]:
    """Scan, make the edits, splice; what was decided of the links found is known."""

    def work(text: str) -> str:
        scan = html.scan(text)
        if len(scan.links) != len(decided):
            raise RuntimeError("these are other links")
        return _spliced(text, scan, decided)

    return work


def deciding(text: str) -> str:
    """Scan, decide, make the edits, splice."""
    scan = html.scan(text)
    return _spliced(text, scan, _decided(scan))


def _decided(scan: html.Scan) -> tuple[links.Link, ...]:
    return links.decide(scan.links, own_urls=(BASE,), make=_made)


def _spliced(text: str, scan: html.Scan, decided: Sequence[links.Link]) -> str:
    edits = [
        *links.edits(decided, dict(enumerate(URLS))),
        html.insert_pixel(scan.pixel_position, PIXEL),
    ]
    return html.splice(text, edits)


class _Link:
    def __init__(self) -> None:
        self.number = 0

    def element(self, element: Any) -> None:
        element.set_attribute("href", URLS[self.number])
        self.number += 1


class _Body:
    def element(self, element: Any) -> None:
        element.append(f'<img src="{PIXEL}" width="1" height="1" alt="">', lolhtml.ContentType.HTML)


def theirs(text: str) -> str:
    """Set the same values; nothing is decided, so it does less."""
    written = bytearray()
    rewriter = lolhtml.HTMLRewriter(written.extend)
    rewriter.on("a[href], area[href]", _Link())
    rewriter.on("body", _Body())
    rewriter.write(text.encode())
    rewriter.end()
    return written.decode()


async def main() -> None:
    """Print the CPU time of each and its ratio to the first."""
    text = newsletter.html(1)
    rows = {
        "lol_html": theirs,
        "the splicer alone": alone(_decided(html.scan(text))),
        "and deciding": deciding,
    }
    spent: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(ROUNDS):
        for name, work in rows.items():
            spent[name].append(_microseconds(work, text))
    yardstick = median(spent["lol_html"])
    print(f"{len(text)} characters, {newsletter.LINKS} links; CPU in µs a mail, {ROUNDS} rounds")
    for name, found in spent.items():
        middle = median(found)
        spread = f"({min(found):.0f}-{max(found):.0f})"
        print(f"{name:17} {middle:6.0f} {spread:>12} {middle / yardstick:5.2f} x lol_html")


def _microseconds(work: Callable[[str], str], text: str) -> float:
    begun = time.process_time_ns()
    for _ in range(TURNS):
        work(text)
    return (time.process_time_ns() - begun) / TURNS / 1000


def _made(index: int, url: str) -> str:
    return URLS[index]
