import pytest

from services.rewriter import html, offer
from services.rewriter.offer import Offered

FILES = [
    Offered(index=0, name="offer.pdf", size=48_211),
    Offered(index=2, name="<i>\"Ä&'.zip", size=0),
]
OF_0 = (
    '<ul style="margin:16px 0;padding:0 0 0 20px;font-family:Arial,sans-serif;font-size:14px;line-height:20px">'
    '<li dir="auto"><a href="https://t/a/0?x&amp;y">offer.pdf</a> (48 kB)</li></ul>'
)
OF_2 = (
    '<ul style="margin:16px 0;padding:0 0 0 20px;font-family:Arial,sans-serif;font-size:14px;line-height:20px">'
    '<li dir="auto"><a href="https://t/a/2?x&amp;y">&lt;i&gt;&quot;Ä&amp;&#x27;.zip</a> (0 B)</li></ul>'
)
BOTH = OF_0.removesuffix("</ul>") + OF_2[OF_2.index("<li") :]


def link(index: int) -> str:
    return f"https://t/a/{index}?x&y"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>x</p></body>", f"<p>x</p>{BOTH}|</body>"),
        (
            "<p data-inkling-attachments></p></body>",
            f"<p data-inkling-attachments>{BOTH}</p>|</body>",
        ),
        (
            "<p data-inkling-attachments=2></p></body>",
            f"<p data-inkling-attachments=2>{OF_2}</p>{OF_0}|</body>",
        ),
        (
            "<p data-inkling-attachments><p data-inkling-attachments=0></p></body>",
            f"<p data-inkling-attachments>{OF_2}<p data-inkling-attachments=0>{OF_0}</p>|</body>",
        ),
        (
            "<p data-inkling-attachments=2><b data-inkling-attachments=0><b data-inkling-attachments>",
            f"<p data-inkling-attachments=2>{OF_2}<b data-inkling-attachments=0>{OF_0}<b data-inkling-attachments>|",
        ),
        (
            "<p data-inkling-attachments><p data-inkling-attachments><p data-inkling-attachments=7>",
            f"<p data-inkling-attachments>{BOTH}<p data-inkling-attachments><p data-inkling-attachments=7>|",
        ),
        ("<p data-inkling-attachments>", f"<p data-inkling-attachments>{BOTH}|"),
        (
            "<a href=u><p data-inkling-attachments></a>",
            f"<a href=u><p data-inkling-attachments></a>{BOTH}|",
        ),
    ],
)
def test_each_file_is_offered_once_where_it_belongs(before: str, after: str) -> None:
    scan = html.scan(before)
    places = [(0, one) for one in scan.places]
    edits = [edit for _, edit in offer.edits(FILES, places, (0, scan.pixel_position), link)]
    pixel = html.Edit(scan.pixel_position, scan.pixel_position, "|")
    assert html.splice(before, [*edits, pixel]) == after


def test_where_nothing_is_followed_nothing_changes() -> None:
    scan = html.scan("<p data-inkling-attachments>")
    assert offer.edits([], [(0, scan.places[0])], (0, scan.pixel_position), link) == []
    assert offer.append("x", [], link) == []


@pytest.mark.parametrize(
    ("text", "gap", "end"),
    [
        ("Dear Li", "\n\n", "\n"),
        ("Dear Li\n", "\n", "\n"),
        ("Dear\r\nLi", "\r\n\r\n", "\r\n"),
        ("Dear Li\r\n", "\r\n", "\r\n"),
        ("", "", "\n"),
    ],
)
def test_the_text_part_ends_with_the_files_after_a_blank_line(
    text: str, gap: str, end: str
) -> None:
    lines = ["offer.pdf (48 kB)", link(0), "", "<i>\"Ä&'.zip (0 B)", link(2), ""]
    edits = offer.append(text, FILES, link)
    assert html.splice(text, edits) == text + gap + end.join(lines)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (1_049, "1 kB"),
        (1_250, "1.2 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (48_211, "48 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (5_242_880, "5.2 MB"),
        (1_000_000_000, "1 GB"),
        (5_000_000_000_000, "5000 GB"),
    ],
)
def test_a_size_is_written_for_people(size: int, shown: str) -> None:
    assert offer.shown_size(size) == shown
