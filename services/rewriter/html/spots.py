"""What a scan finds in a text. All offsets are in characters of the text as given."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from services.rewriter.references import shown_text

CID: Final = "cid:"
# Of the words of a link.
TEXT_LIMIT: Final = 200
# Of what makes the text of one link so much is looked at: entities, indentation and all.
RAW_TEXT_LIMIT: Final = 2_000
# Of each kind so many are reported, and the others stay as they are: a hostile text has a million.
MAX_SPOTS: Final = 10_000


class ValueSpot(NamedTuple):
    """A URL in an attribute: `html[start:end] == raw`, between the quotes `quote` (`"`, `'` or none)."""

    start: int
    end: int
    quote: str
    raw: str
    # Where a browser would go: references decoded, the white space a browser ignores removed.
    url: str


class LinkSpot(NamedTuple):
    """The `href` of a link: a `ValueSpot` and more. A tuple, as `Edit`: a mail has one for each of its links."""

    start: int
    end: int
    quote: str
    raw: str
    url: str
    # What the reader sees of the link (words, or the alternative text of a picture), on one line.
    text: str
    # The value of the attribute `data-inkling` (or `data-inkling-follow`) on the same element, if it is there.
    mark: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Right after a start tag with the attribute `data-inkling-attachments`, whose value this is."""

    position: int
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a text says that may become an edit, in document order, and the offsets at which a pixel belongs.

    `pixel_position` is at the end of the body, `body_start` at its beginning, for mail that gets clipped. `pictures`
    are the `cid:` values of `<img src>` and of `background`, `places` those kept for followed files. `marks` are where
    a link says that it is not to be followed, with the white space before: they leave with no followed copy.
    """

    links: tuple[LinkSpot, ...]
    pixel_position: int
    body_start: int = 0
    pictures: tuple[ValueSpot, ...] = ()
    places: tuple[Place, ...] = ()
    marks: tuple[tuple[int, int], ...] = ()


def link_text(raw: str) -> str:
    """The words of a link on one line, cut where they are many."""
    text = shown_text(raw)
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
