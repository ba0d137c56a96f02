"""What the fuzzer found once in mails holds to the laws; and the laws can be broken."""

import email
from dataclasses import replace

import pytest

from services.rewriter import mime as mails
from services.rewriter.html import Edit
from services.rewriter.mime import Changes, Document
from tests.fuzz import mime
from tests.rewriter.mime import laws

FOUND = {name: raw for name, raw in mime.seeds().items() if not (mime._FOLDERS[1] / name).exists()}
PLAIN = mime.seeds()["related_in_alternative.eml"]


@pytest.mark.parametrize("raw", FOUND.values(), ids=FOUND)
def test_what_was_found_once(raw: bytes) -> None:
    mime.check(raw)


def test_the_fuzzer_begins_with_the_corpus() -> None:
    assert FOUND
    assert len(mime.seeds()) > 60


def _through_python(document: Document, changes: Changes) -> bytes:
    return email.message_from_bytes(mails.write(document, changes)).as_bytes()


def _one_edit_too_few(document: Document, changes: Changes) -> bytes:
    bodies = {index: list(edits)[1:] for index, edits in changes.bodies.items()}
    return mails.write(document, replace(changes, bodies=bodies))


def _one_character_more(document: Document, changes: Changes) -> bytes:
    bodies = {index: [*edits, Edit(0, 0, "x")] for index, edits in changes.bodies.items()}
    return mails.write(document, replace(changes, bodies=bodies))


def _with_another_file(document: Document, changes: Changes) -> bytes:
    return mails.write(document, changes).replace(b"JVBERi0x", b"JVBERi0y")


def _with_another_name(document: Document, changes: Changes) -> bytes:
    return mails.write(document, changes).replace(b"logo.png", b"logo.gif")


def _in_long_lines(document: Document, changes: Changes) -> bytes:
    return mails.write(document, changes).replace(b"=\r\n", b"") if changes.bodies else document.raw


@pytest.mark.parametrize(
    "write",
    [
        *(_through_python, _one_edit_too_few, _one_character_more),
        *(_with_another_file, _with_another_name, _in_long_lines),
    ],
)
def test_a_writer_that_is_wrong_is_caught(write: laws.Write) -> None:
    mime.check(PLAIN)
    with pytest.raises(AssertionError):
        mime.check(PLAIN, write)
