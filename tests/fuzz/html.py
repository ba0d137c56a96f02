"""Laws of the HTML scanner: whatever the text, nothing but the edits changes, and pieces say what the whole says.

An input is a text in UTF-8; bytes that are none stand for themselves as surrogates do.
"""

from pathlib import Path
from typing import Final

from services.rewriter.html import Edit, remove_marks, replace_value, scan, splice
from tests.rewriter.html.slow import slow

MOST_BYTES: Final = 2_048
WORDS: Final = (
    *(b"<a ", b"<area ", b"<v:rect ", b"</a>", b"</v:rect>", b"href=", b'href="', b"href='", b">"),
    *(b"<!--", b"-->", b"--!>", b"<!--[if mso]>", b"<![endif]-->", b"<!-->", b"<![CDATA[", b"]]>"),
    *(b"<script>", b"</script>", b"<style>", b"</style>", b"<title>", b"</title>", b"<plaintext>"),
    *(
        b"<svg>",
        b"</svg>",
        b"<math>",
        b"<foreignObject>",
        b"<body>",
        b"</body>",
        b"</html>",
        b"<p>",
    ),
    *(b'<a href="u">v</a>', b"<table>", b"</td>", b'<img alt="w">', b"<!-- c -->", b"<b>"),
    *(b"data-inkling=no", b'data-inkling="no"', b"data-inkling-follow", b"cid:", b"alt=", b"src="),
    *(
        b"&amp;",
        b"&#x41;",
        b"&copy=",
        b"\0",
        b"\r\n",
        b"=",
        b'"',
        b"'",
        b"/",
        b"<",
        b"\xef\xbb\xbf",
    ),
)


def seeds() -> dict[str, bytes]:
    """Return what to begin with by name: what was found before, and the words themselves."""
    folder = Path(__file__).parent / "examples" / "html"
    found = {path.name: path.read_bytes() for path in sorted(folder.glob("*"))}
    return found | {
        f"words {number}": b"".join(WORDS[number:]) for number in range(0, len(WORDS), 9)
    }


def check(data: bytes) -> None:
    """Raise AssertionError, or anything else, for a text about which a law does not hold."""
    text = data.decode("utf-8", "surrogateescape")
    found = scan(text)
    assert found == slow(text), "the quick way says something else"
    values = {f"https://t.example/{index}/": spot for index, spot in enumerate(found.links)}
    marks = remove_marks(found.marks)
    edited = splice(text, [*marks, *(replace_value(spot, url) for url, spot in values.items())])
    again = scan(edited)
    assert [spot.url for spot in again.links] == list(values), "a link moved or came"
    assert [spot.text for spot in again.links] == [spot.text for spot in found.links]
    back = [
        Edit(new.start, new.end, old.raw) for new, old in zip(again.links, found.links, strict=True)
    ]
    assert splice(edited, back) == splice(text, marks), "something else changed"
    for at in (found.pixel_position, found.body_start):
        probed = scan(splice(text, [Edit(at, at, "<area href=probe>")])).links
        assert [spot.url for spot in probed].count("probe") >= 1, "the pixel is swallowed"
