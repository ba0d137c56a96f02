"""Files over real HTTP: every header of every answer, and the set of hostile attachments."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from aiohttp.test_utils import TestServer

from schemas.files import FileKind
from services.tracker.front.web import openapi_document
from tests.tracker.given import (
    STORED_AT,
    Tracker,
    a_file,
    a_tracker,
    an_application,
    attachment_token,
    click_token,
    picture_token,
)
from tests.tracker.wire import Heard, ask, heard, say

PATH = f"/a/{attachment_token()}"
PICTURE = f"/i/{picture_token()}"
CONTENT = bytes(range(256)) * 4
FILE = a_file(CONTENT)
TAG = f'"{FILE.digest}"'
DATE = "Wed, 24 Dec 2025 09:30:00 GMT"
GIF = b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1);//"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
HTML = b"<!doctype html><script>alert(document.domain)</script>"
XML = b'<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="#x"?><x id="x"/>'
HOSTILE = [
    ("page.html", "text/html; charset=utf-8", HTML),
    ("page.xhtml", "application/xhtml+xml", HTML),
    ("drawing.svg", "image/svg+xml", SVG),
    ("data.xml", "text/xml", XML),
    ("feed.xml", "application/rss+xml", XML),
    ("run.js", "text/javascript", b"alert(1)"),
    ("mail.eml", "message/rfc822", b"Content-Type: text/html\r\n\r\n" + HTML),
    ("stream", "multipart/x-mixed-replace; boundary=x", HTML),
    ("both.gif", "image/gif", GIF),
    ("both.pdf", "application/pdf", b"%PDF-1.4\n" + HTML),
    ("plain.txt", "text/plain; charset=utf-7", b"+ADw-script+AD4-alert(1)"),
    ("split", "image/png\r\nSet-Cookie: x=y", HTML),
    ("odd", "", HTML),
    ("\r\nSet-Cookie: x=y\r\n\r\n<script>", "text/html", HTML),
    ('"; filename="evil.exe', "application/pdf", b"x"),
    ("../../../etc/passwd", "application/pdf", b"x"),
    ("..\\..\\autoexec.bat", "application/x-msdownload", b"MZ"),
    (".bashrc", "text/plain", b"x"),
    ("offer\u202efdp.exe", "application/pdf", b"x"),
    ("\ud83d half", "application/pdf", b"x"),
    ("🎉" * 200 + ".pdf", "application/pdf", b"x"),
    ("", "application/pdf", b"x"),
]
# What a request may be, so that the answer is 200, 206, 304, 416.
WAYS: tuple[list[str], ...] = (
    [],
    ["Range: bytes=0-0"],
    [f"If-None-Match: {TAG}", "If-None-Match: *"],
    ["Range: bytes=9999-"],
)


@pytest.fixture
async def tracker(tmp_path: Path) -> Tracker:
    """A tracker whose store has the file."""
    tracker = await a_tracker(tmp_path / "objects")
    await tracker.store(FILE, CONTENT)
    return tracker


@pytest.fixture
async def port(tracker: Tracker) -> AsyncIterator[int]:
    """Its public port."""
    async with TestServer(an_application(tracker), access_log=None) as server:
        assert server.port is not None
        yield server.port


def assert_harmless(answer: Heard) -> None:
    """Hold an answer to `reliability.md` §3.3 for all that is not a page of ours."""
    headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] in ("same-origin", "cross-origin")
    assert "Set-Cookie" not in headers
    assert headers["Server"] == "inkling"
    assert headers["Inkling-Recorded"] in ("yes", "no")


async def test_a_whole_file(tracker: Tracker, port: int) -> None:
    answer = await ask(port, PATH, "User-Agent: Mozilla/5.0")
    assert (answer.status, answer.body) == (200, CONTENT)
    assert_harmless(answer)
    told = {name: answer.headers[name] for name in answer.headers if name not in ("Date", "Server")}
    assert told == {
        "Content-Type": "application/pdf",
        "Content-Disposition": "attachment; filename=\"offer.pdf\"; filename*=UTF-8''offer.pdf",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-cache, no-transform",
        "ETag": TAG,
        "Last-Modified": DATE,
        "Accept-Ranges": "bytes",
        "Content-Length": str(len(CONTENT)),
        "Inkling-Recorded": "yes",
        "Connection": "close",
    }


@pytest.mark.parametrize("path", [PATH, PICTURE])
async def test_a_head_has_the_headers_of_a_get(tracker: Tracker, port: int, path: str) -> None:
    await tracker.store(a_file(GIF, content_type="image/gif"), GIF, FileKind.PICTURE)
    get, head = [await ask(port, path, method=method) for method in ("GET", "HEAD")]
    assert (head.status, head.body) == (get.status, b"") == (200, b"")
    assert {**head.headers, "Date": ""} == {**get.headers, "Date": ""}
    ranged = await ask(port, path, "Range: bytes=0-0", method="HEAD")
    assert (ranged.status, ranged.headers["Content-Length"]) == (200, get.headers["Content-Length"])


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("0-0", 0, 1), ("10-19", 10, 20), ("1000-", 1000, 1024), ("-24", 1000, 1024), ("0-", 0, 1024)],
)
async def test_a_part_of_a_file(port: int, asked: str, start: int, end: int) -> None:
    answer = await ask(port, PATH, f"Range: bytes={asked}")
    assert (answer.status, answer.body) == (206, CONTENT[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/1024"
    assert answer.headers["Content-Length"] == str(end - start)
    assert answer.headers["ETag"] == TAG
    assert_harmless(answer)


async def test_a_part_that_is_not_there(tracker: Tracker, port: int) -> None:
    answer = await ask(port, PATH, "Range: bytes=1024-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */1024")
    assert answer.headers["Inkling-Recorded"] == "no"
    assert tracker.published() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Range: bytes=0-0,5-5"], 200),
        (["Range: bytes=0-0", "If-Range: " + TAG], 206),
        (["Range: bytes=0-0", "If-Range: " + DATE], 206),
        (["Range: bytes=0-0", 'If-Range: "old"'], 200),
        (["If-None-Match: " + TAG], 304),
        (['If-None-Match: "old"', "If-None-Match: W/" + TAG], 304),
        (['If-None-Match: "old"', "If-Modified-Since: " + DATE], 200),
        (["If-Modified-Since: " + DATE], 304),
        (["If-Modified-Since: Wed, 24 Dec 2025 09:29:59 GMT"], 200),
        (['If-Match: "old"'], 200),
        (["Range: bytes=\udce9"], 200),
        (["Accept-Encoding: gzip, br, zstd"], 200),
    ],
)
async def test_conditions_over_the_wire(port: int, headers: list[str], status: int) -> None:
    answer = await ask(port, PATH, *headers)
    assert answer.status == status
    assert answer.body == {200: CONTENT, 206: CONTENT[:1], 304: b""}[status]
    assert "Content-Encoding" not in answer.headers
    assert_harmless(answer)


async def test_a_304_keeps_the_connection_and_tells_what_it_is_about(port: int) -> None:
    lines = [f"GET {PATH} HTTP/1.1", "Host: t.example", f"If-None-Match: {TAG}", "", ""]
    last = [f"GET {PATH} HTTP/1.1", "Host: t.example", "Range: bytes=0-3", "Connection: close"]
    both = "\r\n".join([*lines[:-1], "", *last, "", ""]).encode()
    first, _, second = (await say(port, both)).partition(b"\r\n\r\n")
    held = heard(first + b"\r\n\r\n")
    assert (held.status, held.headers["ETag"], held.headers["Inkling-Recorded"]) == (
        304,
        TAG,
        "yes",
    )
    assert "private" in held.headers["Cache-Control"]
    assert heard(second).body == CONTENT[:4]


@pytest.mark.parametrize(("name", "content_type", "content"), HOSTILE)
async def test_no_attachment_runs_or_breaks_out_whatever_is_asked(
    tracker: Tracker, port: int, name: str, content_type: str, content: bytes
) -> None:
    # as JSON a lone half of a surrogate pair cannot even be stored
    stored = name.encode("utf-8", "replace").decode()
    await tracker.store(a_file(content, name=stored, content_type=content_type), content)
    for method in ("GET", "HEAD"):
        for way in WAYS:
            answer = await ask(port, PATH, *way, method=method)
            assert answer.status in (200, 206, 304, 416)
            assert_harmless(answer)
            if answer.status == 416:
                continue
            assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
            assert answer.headers["Content-Type"] in (
                "application/octet-stream",
                "application/pdf",
                "image/gif",
                "text/plain",
            )
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/a/x", 404),
        (PATH[:-1], 404),
        (f"/a/{click_token()}", 404),
        (f"/a/{picture_token()}", 404),
        (f"/i/{attachment_token()}", 404),
        (PICTURE, 404),
        ("/a/..%2f..%2fetc%2fpasswd", 404),
    ],
)
async def test_a_file_of_nobody_is_a_page(
    tracker: Tracker, port: int, path: str, status: int
) -> None:
    answer = await ask(port, path)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Inkling-Recorded"] == "no"
    assert b"<h1>There is no such file</h1>" in answer.body
    assert_harmless(answer)
    assert tracker.published() == []


async def test_a_withdrawn_file_is_a_410_page(tracker: Tracker, port: int) -> None:
    await tracker.store_metadata(a_file(CONTENT, withdrawn_at=STORED_AT))
    for method in ("GET", "HEAD"):
        answer = await ask(port, PATH, "Range: bytes=0-0", method=method)
        assert (answer.status, answer.headers["Inkling-Recorded"]) == (410, "no")
        assert "ETag" not in answer.headers
        assert_harmless(answer)


async def test_a_store_that_is_away_is_a_503_page(
    tracker: Tracker, port: int, tmp_path: Path
) -> None:
    (tmp_path / "objects").rename(tmp_path / "elsewhere")
    answer = await ask(port, PATH)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert_harmless(answer)
    (tmp_path / "elsewhere").rename(tmp_path / "objects")
    assert (await ask(port, PATH)).status == 200


async def test_a_picture_loads_in_a_mail_program(tracker: Tracker, port: int) -> None:
    await tracker.store(
        a_file(GIF, name="logo.gif", content_type="image/gif"), GIF, FileKind.PICTURE
    )
    answer = await ask(port, PICTURE, "Origin: https://mail.example")
    assert (answer.status, answer.body) == (200, GIF)
    assert answer.headers["Content-Type"] == "image/gif"
    assert answer.headers["Content-Disposition"].startswith("inline; ")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Cache-Control"] == "public, max-age=86400, no-transform"
    assert answer.headers["Inkling-Recorded"] == "no"
    assert_harmless(answer)
    assert tracker.published() == []


async def test_an_empty_file(tracker: Tracker, port: int) -> None:
    await tracker.store(a_file(b""), b"")
    for way in ([], ["Range: bytes=0-"], ["Range: bytes=-5"]):
        answer = await ask(port, PATH, *way)
        assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")


@pytest.mark.parametrize("path", [PATH, PICTURE])
async def test_neither_door_takes_a_body_or_another_method(port: int, path: str) -> None:
    answer = await ask(port, path, "Content-Length: 1", body=b"x")
    assert (answer.status, answer.headers["Inkling-Recorded"]) == (400, "no")
    assert orjson.loads(answer.body)["type"] == "urn:inkling:problem:malformed-request"
    assert (await ask(port, path, method="DELETE")).status == 405


async def test_every_answer_has_the_headers_that_the_document_promises(
    tracker: Tracker, port: int
) -> None:
    document = orjson.loads(openapi_document())
    await tracker.store(a_file(GIF, content_type="image/gif"), GIF, FileKind.PICTURE)
    for door, path in (("/a/{token}", PATH), ("/i/{token}", PICTURE)):
        for method in ("GET", "HEAD"):
            for way in WAYS:
                answer = await ask(port, path, *way, method=method)
                told = document["paths"][door][method.lower()]["responses"][str(answer.status)]
                promised = document
                for step in told["$ref"].removeprefix("#/").split("/"):
                    promised = promised[step]
                assert set(promised["headers"]) <= set(answer.headers), (door, answer)
