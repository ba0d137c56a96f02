"""What a mail of 25 MB costs to read and to write followed, and what one costs that was made to cost much.

Two hundred edits go into each HTML part. Each shape is taken at a quarter of its size and at all of it: shown are the
time of processors for both, which should be four times as much, the longest step in between, for which a loop would
stand still, and the most memory that was held for the quarter, the mail and the mail written included, as a multiple.
"""

import gc
import time
import tracemalloc
from base64 import encodebytes
from collections.abc import Callable, Generator
from typing import TypeVar

from services.rewriter.html import Edit
from services.rewriter.mime import Changes, Document, steps

T = TypeVar("T")
MIB = 1024 * 1024
HEAD = b"From: ana@demo.example\r\nTo: li@customer.example\r\nSubject: x\r\n"
LINE = (
    b'<p>Words and words and <a href=3D"https://shop.example/offer?id=3D17">a link</a>=\r\n</p>\r\n'
)
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
HTML = b"Content-Type: text/html; charset=utf-8\r\n"
QUOTED = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
FILE = b"Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
NEWSLETTER = HTML + QUOTED + LINE * 250


def _fill(head: bytes, piece: bytes, size: int, tail: bytes = b"") -> bytes:
    return head + piece * (size // len(piece)) + tail


def _files(size: int) -> bytes:
    content = encodebytes(bytes(range(256)) * 2_000).replace(b"\n", b"\r\n")
    file = b"\r\n--b\r\n" + FILE + content * 3
    return _fill(MIXED + NEWSLETTER, file, size, b"\r\n--b--\r\n")


def _nested(size: int) -> bytes:
    level = b"Content-Type: multipart/mixed; boundary=b%07d\r\n\r\n--b%07d\r\n"
    return (
        HEAD
        + b"".join(level % (number, number) for number in range(size // 70))
        + HTML
        + b"\r\n<p>"
    )


SHAPES: dict[str, tuple[int, Callable[[int], bytes]]] = {
    "newsletter with files": (25, _files),
    "HTML in quoted-printable": (10, lambda size: _fill(HEAD + HTML + QUOTED, LINE, size)),
    "HTML all in escapes": (
        10,
        lambda size: _fill(HEAD + HTML + QUOTED, b"=E4=BD=A0=E5=A5=BD=\r\n", size),
    ),
    "HTML in base64": (
        10,
        lambda size: _fill(
            HEAD + HTML + b"Content-Transfer-Encoding: base64\r\n\r\n", b"PHA+" * 19 + b"\r\n", size
        ),
    ),
    "HTML in GB18030": (
        10,
        lambda size: _fill(
            HEAD + b"Content-Type: text/html; charset=gb18030\r\n\r\n",
            "<p>您好\r\n".encode("gb18030"),
            size,
        ),
    ),
    "HTML in one line": (10, lambda size: _fill(HEAD + HTML + b"\r\n", b"<p>words", size)),
    "quoted-printable of equals signs": (4, lambda size: _fill(HEAD + HTML + QUOTED, b"=", size)),
    "base64 of equals signs": (
        4,
        lambda size: _fill(HEAD + HTML + b"Content-Transfer-Encoding: base64\r\n\r\n", b"=", size),
    ),
    "100,000 parts": (
        3,
        lambda size: _fill(MIXED + HTML + b"\r\n<p>", b"\r\n--b\r\n\r\nempty...........", size),
    ),
    "nested parts": (4, _nested),
    "lines like boundaries": (4, lambda size: _fill(MIXED + HTML + b"\r\n", b"--b-\r\n", size)),
    "carriage returns before hyphens": (
        4,
        lambda size: _fill(MIXED + HTML + b"\r\n", b"\r--", size),
    ),
    "many header fields": (4, lambda size: _fill(HEAD, b"a: b\r\n", size, b"\r\n")),
    "one long header field": (
        4,
        lambda size: _fill(HEAD + b"Bcc: a", b",\r\n b@c", size, b"\r\n\r\n"),
    ),
    "a part's long header": (4, lambda size: _fill(MIXED, b"a: b\r\n", size, b"\r\n")),
    "one long boundary line": (4, lambda size: _fill(MIXED + HTML + b"\r\n--", b"b", size)),
}


def _run(made: Generator[None, None, T]) -> tuple[T, float, float]:
    """The result, the time of processors it took, and that of the longest step, in seconds."""
    whole = longest = 0.0
    while True:
        began = time.process_time()
        try:
            next(made)
        except StopIteration as end:
            result: T = end.value
            took = time.process_time() - began
            return result, whole + took, max(longest, took)
        took = time.process_time() - began
        whole, longest = whole + took, max(longest, took)


def _changes(document: Document) -> Changes:
    edits = {
        body.index: [
            *(
                Edit(at, at, "x" * 200)
                for at in range(0, len(body.text), max(2_000, len(body.text) // 200))
            ),
        ]
        for body in document.bodies
    }
    return Changes(
        bodies=edits, strip_headers=("bcc", "inkling-*"), set_headers=(("Message-ID", "<a@b>"),)
    )


def _follow(raw: bytes) -> tuple[Document, bytes, float, float]:
    document, reading, slow = _run(steps.reading(raw))
    out, writing, slower = _run(steps.writing(document, _changes(document)))
    return document, out, reading + writing, max(slow, slower)


def _memory(raw: bytes) -> float:
    """The most that is held while a mail is read and written, as a multiple of the mail."""
    gc.collect()
    tracemalloc.start()
    try:
        _follow(raw)
        return 1 + tracemalloc.get_traced_memory()[1] / len(raw)
    finally:
        tracemalloc.stop()


async def main() -> None:
    """Print one line for each shape."""
    print(
        f"{'shape':34}{'MiB':>5}{'a quarter':>12}{'all':>9}{'ratio':>7}{'step':>9}{'memory':>8}  read as"
    )
    for name, (size, make) in SHAPES.items():
        quarter, raw = make(size * MIB // 4), make(size * MIB)
        gc.collect()
        gc.disable()
        _, _, some, _ = _follow(quarter)
        document, _, took, longest = _follow(raw)
        gc.enable()
        trouble = document.untouchable.trouble if document.untouchable else ""
        found = trouble or f"{len(document.bodies)} HTML, {len(document.files)} files"
        print(
            f"{name:34}{size:5}{some * 1e3:9.0f} ms{took * 1e3:6.0f} ms{took / some:7.1f}"
            f"{longest * 1e3:6.1f} ms{_memory(quarter):7.1f}x  {found}",
            flush=True,
        )
