"""What must hold of any bytes read as a mail, edited and written; and second opinions, slow and plain, to hold it to.

`follow` edits as following does: every web link becomes a tracking link, a pixel goes in, a text gets a list of files.
"""

import email
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from uuid import UUID

from schemas import token
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.token import Claim, KeyRing, Purpose
from services.rewriter import mime
from services.rewriter.html import Edit, insert_pixel, replace_value, scan, splice
from services.rewriter.mime import Changes, Document, Text, charset, charset_names, steps
from services.rewriter.mime.tree import Part

RING = KeyRing(1, {1: bytes(range(32))})
BASE = "https://track.example/c/"
PIXEL = "https://track.example/o/pixel.gif"
OFFER = "\n\n-- \nFiles: https://track.example/a/file"
WEB = re.compile(r"https?://", re.IGNORECASE)
Write = Callable[[Document, Changes], bytes]
WRITE: Write = mime.write
STATEFUL = "iso2022_jp_ext"
MAX_LINE = 998
MOST_EMPTIED = len(b"Content-Type: text/plain\r\n\r\n")


def tracking_link(index: int, url: str) -> str:
    """Make a tracking link with the real token of a click."""
    claim = Claim(
        tenant=Tenant("demo"),
        message_id=MessageId(UUID(int=7)),
        refs=(RecipientRef("0011223344556677"),),
        index=index,
        url=url,
    )
    return BASE + token.mint(RING, Purpose.CLICK, claim)


def landed(url: str) -> str:
    """Follow a tracking link as the tracker does."""
    assert url.startswith(BASE)
    target = token.read(RING, Purpose.CLICK, url.removeprefix(BASE)).url
    assert target is not None
    return target


@dataclass(frozen=True)
class Followed:
    """A mail before and after, and its edits with what they replaced."""

    before: Document
    raw: bytes
    changes: Changes


def follow(raw: bytes, write: Write = WRITE) -> Followed:
    """Edit a mail as following does."""
    document = mime.read(raw)
    bodies = {}
    number = 0
    for body in document.bodies:
        found = scan(body.text)
        edits = []
        for spot in found.links:
            # What no token can say (U+FFFD stands for a byte) is not asked of it.
            if WEB.match(spot.url) and len(spot.url) < 1_000 and "\ufffd" not in spot.url:
                edits.append(replace_value(spot, tracking_link(number, spot.url)))
                number += 1
        bodies[body.index] = [*edits, insert_pixel(found.pixel_position, PIXEL)]
    texts = {one.index: [Edit(len(one.text), len(one.text), OFFER)] for one in document.texts}
    changes = Changes(bodies=bodies, texts=texts)
    return Followed(document, write(document, changes), changes)


def check(raw: bytes, write: Write = WRITE) -> None:
    """Raise AssertionError, or anything else, for bytes about which a law does not hold."""
    document = mime.read(raw)
    assert write(document, Changes()) == raw, "not the bytes that were read"
    followed = follow(raw, write)
    after = mime.read(followed.raw)
    if document.untouchable is not None:
        assert followed.raw == raw
        assert not document.bodies
        assert not document.texts
        assert not document.files
    assert after.untouchable == document.untouchable
    _check_texts(followed, after)
    _check_files(document, after)
    _check_lines(followed)
    _check_second_opinion(followed)
    _check_headers(document)
    if document.files:
        _check_without_files(document)


def _check_texts(followed: Followed, after: Document) -> None:
    before = followed.before
    assert len(after.bodies) == len(before.bodies)
    assert len(after.texts) == len(before.texts)
    for kept, edited, edits in (
        (before.bodies, after.bodies, followed.changes.bodies),
        (before.texts, after.texts, followed.changes.texts),
    ):
        for one, other in zip(kept, edited, strict=True):
            if other.charset != one.charset:
                # It was a guess, and the bytes that spoke against UTF-8 stood in a link.
                assert charset_names.says_ascii(
                    one.part.parameters.get("charset")
                ) or not charset_names.find(one.part.parameters.get("charset"))
                continue
            assert other.text in _expected(one.text, edits[one.index]), "another text"


def _expected(text: str, edits: Sequence[Edit]) -> list[str]:
    """What a text must be: the line ends of what is put in are the part's own."""
    return [
        splice(text, [one._replace(markup=one.markup.replace("\n", end)) for one in edits])
        for end in ("\r\n", "\n")
    ]


def _check_files(before: Document, after: Document) -> None:
    assert [(one.name, one.content_type, one.content_id) for one in after.files] == [
        (one.name, one.content_type, one.content_id) for one in before.files
    ]
    for one, other in zip(before.files, after.files, strict=True):
        assert one.content() == other.content()
        assert one.size == len(one.content())


def _check_lines(followed: Followed) -> None:
    """No line is too long that was not before, and quoted-printable keeps to its 76 characters."""
    before, after = followed.before, mime.read(followed.raw)
    if all(one.part.encoding != "binary" for one in (*before.bodies, *before.texts)):
        limit = max(MAX_LINE, _longest(before.raw))
        assert _longest(followed.raw) <= limit, "a line is too long"
    for one, other in zip(
        (*before.bodies, *before.texts), (*after.bodies, *after.texts), strict=True
    ):
        if other.source.encoding == "quoted-printable":
            was = before.raw[one.part.start : one.part.end]
            is_now = followed.raw[other.part.start : other.part.end]
            limit = 76 if one.source.encoding == "" else max(76, _longest(was) + 1)
            assert _longest(is_now) <= limit, "a quoted line is too long"


def _longest(raw: bytes) -> int:
    return max(len(line.removesuffix(b"\r")) for line in raw.split(b"\n"))


def _check_second_opinion(followed: Followed) -> None:
    """Python's own parser sees the same parts, and in them the same bytes but for the edits."""
    try:
        before = [_part(one) for one in email.message_from_bytes(followed.before.raw).walk()]
    except (ValueError, LookupError, RecursionError, TypeError):
        return  # what it cannot read it cannot judge
    after = [_part(one) for one in email.message_from_bytes(followed.raw).walk()]
    assert [one[:3] for one in after] == [one[:3] for one in before], "other parts"
    undo = _undo(followed)
    for (*_, was), (*_, is_now) in zip(before, after, strict=True):
        if was != is_now:
            # The end of a part whose boundary is missing loses its line end there, wherever it is.
            again, before_it = undo(is_now).rstrip(b"\r\n"), undo(was).rstrip(b"\r\n")
            assert again == before_it, "bytes outside the edits changed"


def _part(part: Message) -> tuple[str, str | None, str | None, bytes]:
    payload = b"" if part.is_multipart() else decoded(part)
    return part.get_content_type(), part.get_content_disposition(), part.get_filename(), payload


def decoded(part: Message) -> bytes:
    """Decode a part, quoted-printable line by line as RFC 2045 says it."""
    # What `get_payload` gives of it depends on the charset.
    written: object = part._payload  # type: ignore[attr-defined]
    said = str(part.get("content-transfer-encoding", "")).strip().lower()
    if said == "base64" and isinstance(written, str):
        return unbased(written)
    if said != "quoted-printable" or not isinstance(written, str):
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        return payload
    return unquoted(written.encode("ascii", "surrogateescape"))


def unbased(written: str) -> bytes:
    """Decode base64 up to its padding, passing over what is none."""
    letters = re.sub(r"[^A-Za-z0-9+/=]", "", written)
    made = bytearray()
    group = ""
    for at, letter in enumerate(letters):
        if letter != "=":
            group += letter
        elif len(group) == 3 or (len(group) == 2 and letters[at + 1 : at + 2] == "="):
            break
        if len(group) == 4:
            made += b64decode(group)
            group = ""
    return bytes(made) + (b64decode(group + "=" * (4 - len(group))) if len(group) > 1 else b"")


def unquoted(raw: bytes) -> bytes:
    """Decode quoted-printable, plainly."""
    made = bytearray()
    for line in raw.splitlines(keepends=True) if b"\r" not in raw else re.split(rb"(?<=\n)", raw):
        ending = line[len(line.removesuffix(b"\n").removesuffix(b"\r")) :]
        if line and not line.endswith(b"\n"):
            ending = b""
        words = line[: len(line) - len(ending)].rstrip(b" \t")
        soft = words.endswith(b"=") and (ending or line is not None)
        if soft:
            words = words[:-1]
        made += re.sub(rb"=([0-9A-Fa-f]{2})", lambda one: bytes.fromhex(one[1].decode()), words)
        made += b"" if soft else ending
    return bytes(made)


def _undo(followed: Followed) -> Callable[[bytes], bytes]:
    """Take the edits out of a payload again."""
    pairs: list[tuple[bytes, bytes]] = []
    stateful = False
    for body in followed.before.bodies:
        stateful |= body.charset == STATEFUL
        for edit in followed.changes.bodies[body.index]:
            codec = body.charset if body.charset.startswith("utf-16") else "ascii"
            start, end = _bytes_of(body, edit)
            pairs.append((edit.markup.encode(codec), body.source.data[start:end]))
    for text in followed.before.texts:
        stateful |= text.charset == STATEFUL
        codec = text.charset if text.charset.startswith("utf-16") else "ascii"
        pairs += [(OFFER.replace("\n", end).encode(codec), b"") for end in ("\r\n", "\n")]

    def undo(payload: bytes) -> bytes:
        if stateful:
            payload = re.sub(rb"\x1b(\([A-Z]|\$[@AB])", b"", payload)
        for markup, was in pairs:
            payload = payload.replace(
                markup, re.sub(rb"\x1b(\([A-Z]|\$[@AB])", b"", was) if stateful else was, 1
            )
        return payload

    return undo


def _bytes_of(text: Text, edit: Edit) -> tuple[int, int]:
    return steps.run(charset.offsets(text.decoded, text.source.data, [(edit.start, edit.end)]))[0]


def _check_headers(document: Document) -> None:
    """Fields go and come, and nothing else moves."""
    strip = {one.name for one in document.header.fields[::2]}
    kept = [
        one for one in document.header.fields if one.name.lower() not in {n.lower() for n in strip}
    ]
    out = mime.write(document, Changes(strip_headers=tuple(strip)))
    again = mime.read(out)
    if document.header.sound:
        assert [(one.name, one.value) for one in again.header.fields] == [
            (one.name, one.value) for one in kept
        ]
        assert out.endswith(document.raw[document.header.end :])
        put = mime.read(mime.write(document, Changes(set_headers=(("X-Inkling-Law", "é a b"),))))
        assert put.header.all("x-inkling-law") == ("é a b",)
        assert put.raw.endswith(document.raw[document.header.body :])


def _check_without_files(document: Document) -> None:
    """Without its files a mail has the same words, and is still a mail to everybody."""
    droppable = {one.index for one in document.files if one.part.parent is not None}
    out = mime.write(document, Changes(dropped_files=droppable))
    after = mime.read(out)
    assert after.untouchable is None, "no mail any more"
    assert [one.text for one in after.bodies] == [one.text for one in document.bodies]
    assert len(after.files) == len(document.files) - len(droppable)
    before = [one.text for one in document.texts]
    assert [one.text for one in after.texts if one.text or "" in before][
        : len(before)
    ] or not before
    gone = [one.part for one in document.files if one.index in droppable]
    left = len(document.raw) - sum(one.end - one.header.start for one in gone)
    assert len(out) <= left + sum(_emptied(gone).values()), "not all that goes is gone"
    # Only what is a header of a few letters is shorter than the empty text that has to stand in its place.
    if droppable and all(one.end - one.header.start > MOST_EMPTIED for one in gone):
        assert len(out) < len(document.raw)


def _emptied(gone: Sequence[Part]) -> dict[int, int]:
    """How long an empty text may be, by the multipart that may keep one: with the id of one of those that go."""
    longest: dict[int, int] = {}
    for part in gone:
        ids = [one for one in part.header.fields if one.name.lower() == "content-id"]
        size = MOST_EMPTIED + max([one.end - one.start for one in ids], default=0)
        longest[id(part.parent)] = max(size, longest.get(id(part.parent), 0))
    return longest
