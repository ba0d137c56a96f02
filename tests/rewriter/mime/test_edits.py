"""Changes carried out: lines that would grow too long, files that go, and what nobody may ask for."""

import email

import pytest

from services.rewriter import mime
from services.rewriter.html import Edit
from services.rewriter.mime import Changes, steps
from services.rewriter.mime.edits import MAX_LINE, assembling

HEAD = b"From: a@b\r\nSubject: x\r\n"


def _html(body: bytes, *lines: bytes) -> mime.Document:
    fields = b"".join(
        line + b"\r\n" for line in (b"Content-Type: text/html; charset=utf-8", *lines)
    )
    return mime.read(HEAD + fields + b"\r\n" + body)


def _insert(document: mime.Document, at: int, markup: str) -> bytes:
    return mime.write(document, Changes(bodies={0: [Edit(at, at, markup)]}))


@pytest.mark.parametrize(
    "encoding",
    [(), (b"Content-Transfer-Encoding: 7bit",), (b"content-transfer-encoding:\r\n 8bit",)],
)
def test_a_line_that_would_be_too_long_makes_a_part_quoted_printable(
    encoding: tuple[bytes, ...],
) -> None:
    body = b"<p>" + b"x" * 900 + b"</p>\r\n<p>=3D \xc3\xa9</p> \r\n"
    document = _html(body, *encoding)
    out = _insert(document, 3, "y" * 200)
    part = email.message_from_bytes(out)
    assert part["content-transfer-encoding"] == "quoted-printable"
    assert part.get_payload(decode=True) == body.replace(b"<p>x", b"<p>" + b"y" * 200 + b"x", 1)
    assert max(map(len, out.split(b"\r\n"))) <= 76
    assert out.startswith(
        HEAD + b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-"
    )


def test_a_line_of_just_the_limit_stays() -> None:
    document = _html(b"w" * 500 + b"\r\n" + b"y" * 2_000 + b"\r\n")
    out = _insert(document, 500, "z" * (MAX_LINE - 500))
    assert out == document.raw.replace(b"w\r\n", b"w" + b"z" * (MAX_LINE - 500) + b"\r\n")
    assert b"quoted-printable" in _insert(document, 500, "z" * (MAX_LINE - 499))


def test_binary_has_no_lines() -> None:
    document = _html(b"x" * 500, b"Content-Transfer-Encoding: binary")
    assert _insert(document, 0, "z" * 2_000) == document.raw.replace(b"xx", b"z" * 2_000 + b"xx", 1)


def test_ascii_stays_ascii_in_a_text_of_seven_bits() -> None:
    raw = HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n"
    changes = Changes(texts={0: [Edit(7, 7, "Grüße\n")]})
    out = mime.write(mime.read(raw), changes)
    assert out.isascii()
    payload = email.message_from_bytes(out).get_payload(decode=True)
    assert payload == "Hello\r\nGrüße\r\n".encode()
    unsaid = mime.write(mime.read(raw.replace(b"; charset=utf-8", b"")), changes)
    assert unsaid.endswith(b"Hello\r\nGr??e\r\n")
    eight = raw.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
    assert mime.write(mime.read(eight), changes) == eight + "Grüße\r\n".encode()


def test_what_would_part_the_mail_is_broken_up() -> None:
    raw = HEAD + (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"
        b"Content-Type: text/html\r\n\r\n<p>\r\n--b--\r\n"
    )
    changes = Changes(texts={0: [Edit(4, 4, "\n--b--\n")]}, bodies={0: [Edit(3, 3, "\n--b\n")]})
    after = mime.read(mime.write(mime.read(raw), changes))
    assert [one.text for one in after.texts] == ["text\r\n- -b--\r\n"]
    assert [one.text for one in after.bodies] == ["<p>\r\n&#45;-b\r\n"]


PDF = b"Content-Type: application/pdf; name=%d.pdf\r\n\r\n%%PDF %d\r\n"


def _with_files(
    *names: int, text: bytes = b"--b\r\n\r\ntext\r\n", end: bytes = b"--b--\r\nepilogue"
) -> bytes:
    files = b"".join(b"--b\r\n" + PDF % (name, name) for name in names)
    return (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n" + text + files + end
    )


@pytest.mark.parametrize("end", [b"--b--\r\nepilogue", b"--b--", b""])
@pytest.mark.parametrize("dropped", [{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 2}, {0, 1, 2}])
def test_files_go_with_their_boundaries_and_leave_no_trace(dropped: set[int], end: bytes) -> None:
    out = mime.write(mime.read(_with_files(0, 1, 2, end=end)), Changes(dropped_files=dropped))
    kept = _with_files(*({0, 1, 2} - dropped), end=end)
    # Without a last boundary, the line end before a part that goes belongs to it.
    assert out.removesuffix(b"\r\n") == kept.removesuffix(b"\r\n")


@pytest.mark.parametrize("file", [b"", b"\r\n", b"\r\nJVBERi0=\r\n", b"\r\nJVBERi0=\r\n\r\n"])
@pytest.mark.parametrize("end", [b"", b"--c--\r\n"])
@pytest.mark.parametrize("after", [b"--b--\r\n", b"--b\r\n\r\nlast\r\n--b--\r\n"])
def test_the_boundary_around_stays_in_a_line_of_its_own(
    file: bytes, end: bytes, after: bytes
) -> None:
    begin = (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>"
    )
    header = (
        b"\r\n--c\r\nContent-Type: image/png; name=a.png\r\nContent-Disposition: attachment\r\n"
    )
    document = mime.read(begin + header + file + end + after)
    out = mime.write(document, Changes(dropped_files={0}))
    assert out == begin + b"\r\n" + end + after


def test_a_multipart_that_loses_everything_keeps_an_empty_text() -> None:
    raw = _with_files(0, 1, text=b"")
    out = mime.write(mime.read(raw), Changes(dropped_files={0, 1}))
    assert out == _with_files(text=b"--b\r\nContent-Type: text/plain\r\n\r\n\r\n")
    assert [one.get_content_type() for one in email.message_from_bytes(out).walk()][1:] == [
        "text/plain"
    ]


@pytest.mark.parametrize(
    ("kind", "second", "stays"),
    [
        (b"mixed", b"Content-Type: text/html; name=a.html", True),
        (b"related", b"Content-Type: text/html", True),
        (b"mixed", b"Content-Type: text/html", False),
    ],
)
def test_a_file_that_goes_makes_no_other_part_the_first_that_is_shown(
    kind: bytes, second: bytes, stays: bool
) -> None:
    raw = (
        HEAD
        + b"Content-Type: multipart/"
        + kind
        + b"; boundary=b\r\n\r\n--b\r\n"
        + PDF % (0, 0)
        + b"--b\r\n"
        + second
        + b"\r\n\r\n<p>\r\n--b--\r\n"
    )
    document = mime.read(raw)
    after = mime.read(mime.write(document, Changes(dropped_files={0})))
    assert len(after.bodies) == len(document.bodies)
    assert (b"text/plain" in after.raw) is stays


def test_what_the_others_belong_to_leaves_an_empty_text_of_its_name() -> None:
    begin = HEAD + b'Content-Type: multipart/related; boundary=b; start="<r@x>"\r\n\r\n'
    frame = b"--b\r\nContent-Type: text/html\r\nContent-ID: <f@x>\r\n\r\n<p>frame\r\n"
    root = b"--b\r\nContent-ID: <r@x>\r\nContent-Type: image/png\r\n\r\npicture\r\n"
    empty = b"--b\r\nContent-Type: text/plain\r\nContent-ID: <r@x>\r\n\r\n\r\n"
    document = mime.read(begin + frame + root + b"--b--\r\n")
    (number,) = [one.index for one in document.files if one.content_type == "image/png"]
    out = mime.write(document, Changes(dropped_files={number}))
    assert out == begin + frame + empty + b"--b--\r\n"
    assert mime.read(out).bodies == document.bodies == ()


def test_base64_keeps_the_length_and_the_end_of_its_lines() -> None:
    letters = b"PHA+\n" * 3 + b"PC9w\nPgo=\n \n\n"
    document = _html(letters, b"Content-Transfer-Encoding: base64")
    assert document.bodies[0].text == "<p><p><p></p>\n"
    out = _insert(document, 3, "abcdef")
    assert out == document.raw.replace(b"PHA+\n", b"PHA+\nYWJj\nZGVm\n", 1)


CHECKED = b"Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n"
LENGTHS = b"CONTENT-LENGTH:\r\n 99\r\nLines: 9\r\n"
TREE = (
    HEAD + b"%sContent-Type: multipart/mixed; boundary=m\r\n%s\r\n"
    b"--m\r\nContent-Type: multipart/alternative; boundary=a\r\n%s\r\n"
    b"--a\r\n%sContent-Type: text/html\r\n\r\n<p>\r\n--a\r\n%s\r\ntext\r\n--a--\r\n"
    b"--m\r\nContent-Type: multipart/mixed; boundary=f\r\n%s\r\n"
    b"--f\r\nContent-Type: a/b\r\n%s\r\n1\r\n--f\r\nContent-Type: a/b\r\n%s\r\n2\r\n--f--\r\n--m--\r\n"
)


@pytest.mark.parametrize(
    ("changes", "stay"),
    [
        (Changes(bodies={0: [Edit(0, 0, "<b>")]}), (0, 0, 0, 0, 1, 1, 1, 1)),
        (Changes(texts={0: [Edit(0, 0, "x")]}), (0, 0, 0, 1, 0, 1, 1, 1)),
        (Changes(dropped_files={0}), (0, 0, 1, 1, 1, 0, 1, 1)),
        (Changes(bodies={0: []}, strip_headers=("bcc",)), (1,) * 8),
    ],
)
def test_what_an_edit_makes_false_goes_and_what_is_still_true_stays(
    changes: Changes, stay: tuple[int, ...]
) -> None:
    says = CHECKED + LENGTHS
    document = mime.read(TREE % ((says,) * 8))
    bare = mime.read(TREE % tuple(says if one else LENGTHS for one in stay))
    out = mime.write(document, changes)
    assert out == mime.write(bare, changes)
    # What stays is not counted among what may go: each field stands there as often as it should.
    dropped = len(changes.dropped_files)
    assert (out.count(CHECKED), out.count(LENGTHS)) == (sum(stay) - dropped, 8 - dropped)


def test_a_mail_of_one_part_loses_what_an_edit_makes_false_once() -> None:
    document = _html(b"<p>x</p>", CHECKED.strip(), b"Lines: 1")
    assert _insert(document, 3, "y") == _html(b"<p>yx</p>", b"Lines: 1").raw


@pytest.mark.parametrize(
    "changes",
    [
        Changes(bodies={1: [Edit(0, 0, "")]}),
        Changes(texts={0: [Edit(0, 0, "")]}),
        Changes(bodies={0: [Edit(0, 2, ""), Edit(1, 3, "")]}),
        Changes(bodies={0: [Edit(0, 99, "")]}),
        Changes(dropped_files={0}),
    ],
    ids=range(5),
)
def test_changes_of_what_is_not_there_are_refused(changes: Changes) -> None:
    with pytest.raises(ValueError, match=r"no text|overlaps|no such file"):
        mime.write(_html(b"<p>x</p>"), changes)


def test_pieces_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        steps.run(assembling(b"abc", [(0, 2, b""), (1, 3, b"")]))
    assert steps.run(assembling(b"abc", [(1, 1, b"x"), (1, 1, b"y"), (1, 2, b"z")])) == b"axyzc"
