"""Find the links and own pictures of an HTML mail and change only their values: spliced in place, never serialised.

    scan(html) -> Scan                        never raises, whatever the text
    scanning(html)                            the same as a generator whose steps take milliseconds; `return` gives the
                                              Scan. Who serves others meanwhile pauses between the steps
    splice(html, edits) -> str                carries out edits; every other character stays
    replace_value, insert_pixel, insert_canary, remove_marks    the edits there are; docs/rewriting.md lists them

`scanner` reads construct by construct, with the patterns of `syntax`; `stretches` is its quick way through what is
ordinary, with `easy_links`, which nearly every link is. `spots` is what they find, `splicing` changes it. All is pure;
it judges nothing: that is `links` and `pictures`.
"""

from services.rewriter.html.scanner import scan, scanning
from services.rewriter.html.splicing import (
    Edit,
    insert_canary,
    insert_pixel,
    remove_marks,
    replace_value,
    splice,
)
from services.rewriter.html.spots import (
    CID,
    MAX_SPOTS,
    TEXT_LIMIT,
    LinkSpot,
    Place,
    Scan,
    ValueSpot,
)

__all__ = [
    "CID",
    "MAX_SPOTS",
    "TEXT_LIMIT",
    "Edit",
    "LinkSpot",
    "Place",
    "Scan",
    "ValueSpot",
    "insert_canary",
    "insert_pixel",
    "remove_marks",
    "replace_value",
    "scan",
    "scanning",
    "splice",
]
