"""Reading and writing as a whole: the laws for made-up mails and for any bytes, and how long one step takes."""

import gc
import time
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rewriter import mime
from services.rewriter.html import Edit
from services.rewriter.mime import Changes, Code, steps
from services.rewriter.mime.document import Trouble
from tests.rewriter.mime import laws
from tests.rewriter.mime.trees import mails

T = TypeVar("T")
HEAD = b"From: ana@demo.example\r\nSubject: x\r\n"
PIECES = (
    *(b"--b\r\n", b"--b--\r\n", b"Content-Type: text/html\r\n", b"\r\n", b"\n", b"\r", b"\0", b"="),
    *(b'Content-Type: multipart/mixed; boundary="b"\r\n', b"Content-Transfer-Encoding: base64\r\n"),
    *(b"Content-Transfer-Encoding: quoted-printable\r\n", b'<a href="http://x.example/=3D">', b" "),
    *(b"=\r\n", b"\xff", b"\x1b$B", b"charset=iso-2022-jp", b"a:", b"--", b"From ", b"AAAA"),
)


@given(mails())
@settings(max_examples=60)
def test_the_laws_hold_for_any_tree(raw: bytes) -> None:
    laws.check(raw)


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=5)).map(b"".join))
@settings(max_examples=100)
def test_the_laws_hold_for_any_bytes(raw: bytes) -> None:
    laws.check(raw)


@given(mails(), mails())
@settings(max_examples=10)
def test_a_mail_inside_is_left_alone(outer: bytes, inner: bytes) -> None:
    kept = inner.replace(b"--", b"++")
    raw = (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\nContent-Type: text/html\r\n\r\n"
        b'<a href="https://shop.example/">a</a>\r\n--X\r\nContent-Type: message/rfc822\r\n\r\n'
        + kept
        + b"\r\n--X--\r\n"
    )
    followed = laws.follow(raw)
    assert followed.raw != raw
    assert followed.raw.endswith(b"Content-Type: message/rfc822\r\n\r\n" + kept + b"\r\n--X--\r\n")


def test_reading_goes_in_steps_and_so_does_writing() -> None:
    file = b"QUJDREVG" * 9 + b"\r\n"
    raw = (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
        + b'<p><a href="https://shop.example/">a</a></p>\r\n' * 2_000
        + b"\r\n--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + file * 40_000
        + b"--b--\r\n"
    )
    edits = [Edit(at, at, "x") for at in range(0, 90_000, 45)]
    gc.disable()  # what the tests before left is no work of ours
    try:
        document, most = _slowest(steps.reading(raw))
        out, longest = _slowest(steps.writing(document, Changes(bodies={0: edits})))
    finally:
        gc.enable()
    assert len(document.files) == 1
    assert len(out) == len(raw) + 2_000
    assert max(most, longest) < 0.05


def _slowest(run: Generator[None, None, T]) -> tuple[T, float]:
    """The result, and the processor time of the longest step in seconds."""
    longest = 0.0
    while True:
        began = time.process_time()
        try:
            next(run)
        except StopIteration as end:
            result: T = end.value
            return result, longest
        finally:
            longest = max(longest, time.process_time() - began)


def test_a_text_without_anything_is_none() -> None:
    document = mime.read(HEAD + b"Content-Type: text/html")
    assert document.bodies == ()
    assert mime.read(HEAD + b"Content-Type: text/html\r\n\r\n").bodies == ()


@pytest.mark.parametrize("trouble", Trouble)
def test_every_trouble_has_a_code_and_a_sentence(trouble: Trouble) -> None:
    assert trouble.code in Code
    assert trouble.detail.endswith(".")


def test_a_signed_mail_may_lose_header_fields_only() -> None:
    raw = (
        HEAD + b"Bcc: hidden@customer.example\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b\r\n\r\n--b--\r\n"
    )
    document = mime.read(raw)
    assert document.untouchable is not None
    assert document.untouchable.code is Code.SIGNED
    out = mime.write(document, Changes(strip_headers=("bcc",)))
    assert out == raw.replace(b"Bcc: hidden@customer.example\r\n", b"")
    with pytest.raises(ValueError, match="no text 0"):
        mime.write(document, Changes(bodies={0: [Edit(0, 0, "x")]}))
