"""Every row of docs/rewriting.md's closed list of edits to a mail, and an example that the rewriter carries out."""

import base64
import re
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.settings import PixelPosition
from services.rewriter import instrument, mime, submission
from services.rewriter.copies import renditions
from tests.rewriter.given import KEYS, MESSAGE, TERMS, refuses_nobody

PAGE = (Path(__file__).parents[2] / "docs" / "rewriting.md").read_text("utf-8")
TABLE = PAGE.partition("| edit | where |\n")[2].partition("\n\n")[0]
ROWS = [line.split("|")[1].strip() for line in TABLE.splitlines()[1:]]
OPTIONS = (
    "Inkling-Owner: ana\nInkling-Recipients: li@x.example; kind=contact\n"
    "Inkling-Follow-Attachments: all\nInkling-Host-Pictures: yes\n"
)
HEAD = "From: ana@demo.example\nTo: li@x.example\nMessage-ID: <1@x>\n"
PIXEL = '<img src="https://t.example/o/….gif" …>'
LINK = "https://t.example/c/…"
HTML = "Content-Type: text/html\n"
MIXED = "Content-Type: multipart/mixed; boundary=b\n\n"
FILE = "--b\nContent-Type: a/b; name=%s\n\n1\n"
LIST = '<ul …><li …><a href="https://t.example/a/…">%s</a> (1 B)</li></ul>'
LONG = "x" * 900


def quoted(text: str) -> str:
    return f"{HTML}Content-Transfer-Encoding: quoted-printable\n\n{text}"


def coded(text: str) -> str:
    letters = base64.b64encode(text.encode()).decode()
    lines = "\n".join(letters[at : at + 8] for at in range(0, len(letters), 8))
    return f"{HTML}Content-Transfer-Encoding: base64\n\n{lines}"


# Of each row: the mail's header and body behind `HEAD`, and what it leaves as. `…` is anything, a line end included.
EXAMPLES = {
    "what is put in and taken out of HTML and text": [
        (
            f"{HTML}\n<a data-inkling=no href=u>\xa4</a><a href='http://x.example'>",
            f"{HTML}\n<a href=u>\xa4</a><a href='{LINK}'>{PIXEL}",
        ),
        (
            f"{MIXED}--b\n\ntext\n--b\n{HTML}\n<p>\xa4\n{FILE % '=?utf-8?q?=C3=A9?='}--b--",
            f"{MIXED}--b\n\ntext\n\n? (1 B)\nhttps://t.example/a/…\n\n--b\n{HTML}\n<p>\xa4"
            f"{LIST % '&#233;'}{PIXEL}\n--b--",
        ),
    ],
    "soft line breaks": [
        (
            quoted("<p>=\n =C3=A9 =\n</p>\n<a href=3D'http://x.=\nexample/'>\n</body>=\n"),
            quoted(f"<p>=\n =C3=A9 =\n</p>\n<a href=3D'{LINK}'>\n<img …</body>=\n"),
        )
    ],
    "base64 of an edited part": [(coded("<p>x</p>"), f"{HTML}…base64\n\nPHA+eDwv\ncD48aW1n\n…")],
    "a 7bit or 8bit part": [
        (
            f"{HTML}\n{LONG}\n<p> </p>{LONG}",
            f"{HTML}Content-Transfer-Encoding: quoted-printable\n\n…x=\n…<p> </p>x…<img src=3D…",
        )
    ],
    "a quoted-printable part encoded anew": [
        (
            quoted("=E9\n= <a href=http://x.example>\n=e9"),
            quoted("=E9\n=3D <a href=3Dhttps://t.example/c/…>\n=E9<img …"),
        )
    ],
    "`&#45;` for a hyphen": [
        (
            f"{MIXED}--b\n\ntext\n{FILE % '--b'}--b\n{HTML}\n<p>\n--b--",
            f"{MIXED}--b\n\ntext\n\n- -b (1 B)\nhttps:…\n\n--b\n{HTML}\n<p>{LIST % '--b'}{PIXEL}\n--b--",
        )
    ],
    "parts that hold followed files": [
        (
            f"{MIXED}{FILE % 'a'}--b\nContent-Type: text/html; name=b\n\n<p>\n{FILE % 'c'}--b--",
            f"{MIXED}{FILE % 'a'}--b\nContent-Type: text/html; name=b\n\n<p>\n{FILE % 'c'}--b--",
        ),
        (
            f"{MIXED}--b\n{HTML}\n<p>\n{FILE % 'c'}--b--\n",
            f"{MIXED}--b\n{HTML}\n<p>{LIST % 'c'}{PIXEL}\n--b--\n",
        ),
    ],
    "header fields taken out: `Bcc`": [
        (
            f"Bcc: a@x.example,\n b@x.example\nX: 1\nResent-Bcc: a@x.example\n{HTML}\n<p>",
            f"X: 1\n{HTML}\n<p>{PIXEL}",
        )
    ],
    "header field taken out: `Content-MD5`": [
        (
            f"Content-Length: 3\nLines: 1\n{HTML}Content-MD5: x\n\n<p>",
            f"Content-Length: 3\nLines: 1\n{HTML}\n<p>{PIXEL}",
        )
    ],
    "header fields set": [
        (
            f"MESSAGE-ID:\n{HTML}\n<p>",
            f"Message-ID: …\n{HTML}Reply-To: reply+…@r.example\n\n<p>{PIXEL}",
        ),
        (
            f"Reply-To: a@x.example\nX: 1\n{HTML}\n<p>",
            f"Reply-To: a@x.example\nX: 1\n{HTML}Message-ID:…\n\n<p>{PIXEL}",
        ),
    ],
}


def followed(raw: str, row: str) -> str:
    terms = replace(
        TERMS,
        pixel_position=PixelPosition.END,
        reply_domain="r.example" if row == "header fields set" else None,
    )
    mail = submission.read(mime.read(raw.encode("latin-1"))).mail()
    prepared = instrument.prepare(mail, MESSAGE, terms, KEYS, refuses_nobody)
    copy = next(renditions(prepared))
    assert copy.changes is not None
    assert mail.document is not None
    return mime.write(mail.document, copy.changes).decode("latin-1")


@pytest.mark.parametrize(
    ("row", "before", "after"),
    [pytest.param(row, *one, id=row) for row, pairs in EXAMPLES.items() for one in pairs],
)
def test_each_edit_is_what_the_page_says(row: str, before: str, after: str) -> None:
    head = HEAD.replace("Message-ID: <1@x>\n", "") if row == "header fields set" else HEAD
    out = followed(head + OPTIONS + before, row)
    wanted = re.escape(head + after).replace("…", r"[^\0]*")
    assert re.fullmatch(wanted, out), out


def test_every_edit_of_the_page_has_an_example() -> None:
    unshown = [row for row in ROWS if not any(row.startswith(one) for one in EXAMPLES)]
    assert (unshown, len(ROWS)) == ([], len(EXAMPLES))
