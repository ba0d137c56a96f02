"""Every shape of the corpus: all bytes outside the edits equal, and each followed link leads to the exact original."""

from pathlib import Path

import pytest

from schemas import identity, token
from schemas.identity import MessageId, RecipientRef
from schemas.instant import Instant
from schemas.token import Purpose
from services.rewriter import links
from services.rewriter.html import Edit, insert_pixel, remove_marks, scan, splice
from services.rewriter.tracking import Tracking
from tests.rewriter.given import KEYS, TERMS

FOLDER = Path(__file__).parents[1] / "corpus" / "html"
FILES = sorted(FOLDER.glob("*.html"))
# How many links each has, and how many of them are followed.
COUNTS = {
    "addresses": (9, 9),
    "amp4email": (6, 4),
    "bare_values": (9, 9),
    "crlf_unclosed": (2, 2),
    "downlevel_revealed": (2, 2),
    "ghost_tables": (2, 2),
    "left_alone": (11, 0),
    "long_link": (2, 1),
    "nested_conditions": (2, 2),
    "queries": (12, 12),
    "references": (6, 5),
    "vml_button": (2, 2),
    "word_output": (1, 1),
}
MESSAGE = MessageId(identity.uuid7(Instant(1), bytes(identity.ENTROPY_BYTES)))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_each_shape_leaves_as_it_came_but_for_its_edits(path: Path) -> None:
    text = path.read_bytes().decode()
    tracking = Tracking(KEYS, TERMS, MESSAGE, (RecipientRef("01" * 8),))
    before = scan(text)
    decided = links.decide(before.links, own_urls=TERMS.own_urls, make=tracking.link)
    marks = remove_marks(before.marks)
    made = tracking.links([(link.index, link.url) for link in decided if link.followed])
    edited = splice(text, [*marks, *links.edits(decided, made)])
    after = scan(edited)
    assert (len(decided), sum(link.followed for link in decided)) == COUNTS[path.stem]
    assert "no.example" not in {link.host for link in decided}
    for link, spot in zip(decided, after.links, strict=True):
        landed = spot.url
        if link.followed:
            landed = token.see(KEYS.tokens, Purpose.CLICK, spot.url.rpartition("/")[2]).url or ""
        assert landed == link.url
    pairs = zip(after.links, before.links, strict=True)
    back = [Edit(new.start, new.end, old.raw) for new, old in pairs]
    assert splice(edited, back) == splice(text, marks)
    pixel = insert_pixel(after.pixel_position, "https://t.example/o/x.gif")
    assert splice(edited, [pixel]).replace(pixel.markup, "") == edited


def test_every_shape_is_named_with_where_it_comes_from() -> None:
    page = (FOLDER / "README.md").read_text("utf-8")
    assert [path.stem for path in FILES if f"`{path.stem}`" not in page] == []
    assert {path.stem for path in FILES} == set(COUNTS)
