"""The parts of a mail: found as mail programs find them, within bounds, in one pass."""

import email
import time
from contextlib import suppress

import pytest

from services.rewriter.mime import header, steps
from services.rewriter.mime.tree import MAX_DEPTH, MAX_PARTS, Part, Unreadable, Walker


def _tree(raw: bytes) -> Part:
    return steps.run(Walker(raw).run(header.read(raw, 0)))


def _shown(part: Part) -> object:
    return (part.media, [_shown(one) for one in part.children]) if part.children else part.media


def _multipart(boundary: str, *parts: bytes, kind: str = "mixed", end: str = "--") -> bytes:
    line = f"--{boundary}".encode()
    inside = b"".join(line + b"\n" + one + b"\n" for one in parts)
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n'.encode()
    return head + inside + line + end.encode() + b"\n"


HTML = b"Content-Type: text/html\n\n<p>"


def test_spans_are_those_of_the_bodies() -> None:
    raw = _multipart("b", HTML, b"\nplain\n", _multipart("c", HTML)).replace(b"\n", b"\r\n")
    root = _tree(raw)
    html, plain, inner = root.children
    assert raw[html.start : html.end] == b"<p>"
    assert raw[plain.start : plain.end] == b"plain\r\n"
    assert raw[plain.before :].startswith(b"\r\n--b\r\n")
    assert raw[inner.line :].startswith(b"--b\r\nContent-Type: multipart")
    assert raw[inner.close :] == b"--c--\r\n\r\n--b--\r\n"
    assert raw[inner.children[0].start : inner.children[0].end] == b"<p>"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"", "text/plain"),
        (b"no header at all", None),
        (_multipart("b", HTML, end=""), ("multipart/mixed", ["text/html", "text/plain"])),
        (_multipart("b", HTML, end="--\t "), ("multipart/mixed", ["text/html"])),
        (
            _multipart("b", HTML).replace(b"--b--", b"--bb--\n--b-\n --b--"),
            ("multipart/mixed", ["text/html"]),
        ),
        (_multipart("b", b"\n", kind="digest"), ("multipart/digest", ["message/rfc822"])),
        (
            _multipart("b", b"Content-Type: message/rfc822\n\n" + _multipart("c", HTML)),
            ("multipart/mixed", ["message/rfc822"]),
        ),
        (_multipart("b", HTML, kind="signed"), "multipart/signed"),
        (_multipart("b", b""), ("multipart/mixed", ["text/plain"])),
    ],
    ids=range(9),
)
def test_the_parts_that_are_found(raw: bytes, shown: object) -> None:
    if shown is None:
        with pytest.raises(Unreadable):
            _tree(raw)
    else:
        assert _shown(_tree(raw)) == shown


@pytest.mark.parametrize(
    ("raw", "trouble"),
    [
        (b"Content-Type: multipart/mixed\n\n--b\n\n--b--\n", "no_boundary"),
        (b'Content-Type: multipart/mixed; boundary=""\n\n--\n\n----\n', "no_boundary"),
        (b"Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--b\n\n--b--\n", "no_boundary"),
        (_multipart("b ", HTML), "no_boundary"),
        (b'Content-Type: multipart/mixed; boundary="b\n\n--b\n\n--b--\n', "no_boundary"),
        (_multipart("é", HTML), "no_boundary"),
        (
            b"Content-Type: multipart/mixed; boundary*=us-ascii''b%0A\n\n--b\n\n--b--\n",
            "no_boundary",
        ),
        (b"Content-Type: multipart/mixed boundary=b\n\n--b\n\n--b--\n", "no_boundary"),
        (b"Content-Type: multipart; boundary=b\n\n--b\n\n--b--\n", "no_boundary"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--c\n\n--c--\n", "no_parts"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b--\n", "no_parts"),
        (_multipart("b", _multipart("b", HTML)), "ambiguous_boundary"),
        (_multipart("b", _multipart("b--", HTML)), "ambiguous_boundary"),
        (_multipart("b--", _multipart("b", HTML)), "ambiguous_boundary"),
        (_multipart("b", HTML + b"\r--b\n"), "ambiguous_boundary"),
        (_multipart("b", HTML + b"\n--b\rx\n"), "ambiguous_boundary"),
        (b"no field\n\nbody", "bad_header"),
        (b"Content-Type: text/html\nContent-type: text/plain\n\nbody", "bad_header"),
        (_multipart("b", *[HTML] * MAX_PARTS), "too_many_parts"),
    ],
    ids=range(19),
)
def test_what_programs_would_read_differently_is_not_read(raw: bytes, trouble: str) -> None:
    with pytest.raises(Unreadable) as caught:
        _tree(raw)
    assert caught.value.trouble == trouble


def _nested(depth: int) -> bytes:
    return (
        b"".join(
            f"Content-Type: multipart/mixed; boundary=b{number}x\n\n--b{number}x\n".encode()
            for number in range(depth)
        )
        + HTML
    )


def test_nesting_has_a_bound() -> None:
    assert _tree(_nested(MAX_DEPTH)).media == "multipart/mixed"
    with pytest.raises(Unreadable, match="too_deep"):
        _tree(_nested(MAX_DEPTH + 1))


def test_an_outer_boundary_ends_what_is_open_inside() -> None:
    inner = _multipart("inner", HTML, HTML)
    raw = _multipart("outer", inner[: inner.rindex(b"--inner--")], b"\nplain")
    assert _shown(_tree(raw)) == (
        "multipart/mixed",
        [("multipart/mixed", ["text/html", "text/html"]), "text/plain"],
    )
    assert [one.get_content_type() for one in email.message_from_bytes(raw).walk()] == [
        *("multipart/mixed", "multipart/mixed", "text/html", "text/html", "text/plain")
    ]


@pytest.mark.parametrize(
    "flood",
    [b"--\n", b"--b-\n", b"\r--", b"--b \t", b"-", b"--b--\n", b"\n\n--b\n\n\n"],
    ids=range(7),
)
def test_floods_take_time_by_their_length(flood: bytes) -> None:
    head = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n"
    times = []
    for size in (50_000, 400_000):
        raw = head + flood * (size // len(flood))
        began = time.process_time()
        with suppress(Unreadable):
            _tree(raw)
        times.append(time.process_time() - began)
    assert times[1] < max(0.1, times[0] * 24)
