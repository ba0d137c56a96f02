"""Reading and writing in steps of a few milliseconds each; and the same at once, for who has the time."""

from collections.abc import Generator
from typing import Final, TypeVar

from services.rewriter.mime import charset, header, kinds, transfer
from services.rewriter.mime.document import Changes, Document, File, Text, Trouble, Untouchable
from services.rewriter.mime.edits import writing
from services.rewriter.mime.tree import Part, Unreadable, Walker

__all__ = ["read", "reading", "run", "write", "writing"]

T = TypeVar("T")
_PARTS: Final = 200
_SIGNATURES: Final = (
    *("dkim-signature", "domainkey-signature"),
    *("arc-seal", "arc-message-signature"),
)


def run(steps: Generator[None, None, T]) -> T:
    """Take all steps without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def read(raw: bytes) -> Document:
    """Read a mail at once."""
    return run(reading(raw))


def write(document: Document, changes: Changes) -> bytes:
    """Write a mail at once, with its changes."""
    return run(writing(document, changes))


def reading(raw: bytes) -> Generator[None, None, Document]:
    """Read a mail in steps."""
    top = header.read(raw, 0)
    dkim = any(top.raw(name) for name in _SIGNATURES)
    try:
        root = yield from Walker(raw).run(top)
        yield from _check(root)
        bodies, texts, files = yield from _contents(raw, root)
    except Unreadable as error:
        untouchable = Untouchable(Trouble(error.trouble))
        return Document(raw=raw, header=top, untouchable=untouchable, signed_by_dkim=dkim)
    return Document(
        raw=raw, header=top, bodies=bodies, texts=texts, files=files, signed_by_dkim=dkim
    )


def _check(root: Part) -> Generator[None, None, None]:
    for number, part in enumerate(kinds.parts(root), 1):
        if trouble := kinds.forbids(part):
            raise Unreadable(trouble)
        if number % _PARTS == 0:
            yield


def _contents(
    raw: bytes, root: Part
) -> Generator[None, None, tuple[tuple[Text, ...], tuple[Text, ...], tuple[File, ...]]]:
    bodies: list[Text] = []
    texts: list[Text] = []
    files: list[File] = []
    for part, shown in kinds.leaves(root):
        if shown and part.start == part.end:
            continue  # with nothing in it, nor any place for it
        if shown:
            html = part.media == "text/html"
            kept = bodies if html else texts
            if text := (yield from _text(raw, part, html, len(kept))):
                kept.append(text)
        elif kinds.is_file(part, shown):
            size = yield from transfer.measuring(raw, part.start, part.end, part.encoding)
            files.append(_file(raw, part, len(files), size))
        yield
    return tuple(bodies), tuple(texts), tuple(files)


def _text(raw: bytes, part: Part, html: bool, index: int) -> Generator[None, None, Text | None]:
    """Read the text of a part; None for a plain text of which nobody knows how it is written."""
    trouble: Trouble | None = None
    if part.doubtful:
        trouble = Trouble.BAD_HEADER
    elif not transfer.readable(part.encoding):
        trouble = Trouble.UNREADABLE_ENCODING
    else:
        source = yield from transfer.decoding(raw, part.start, part.end, part.encoding)
        if not source.sound:
            raise Unreadable(Trouble.UNREADABLE_ENCODING)
        codec = yield from charset.choosing(part.parameters.get("charset"), source.data, html=html)
        if codec is not None:
            decoded = yield from charset.decoding(source.data, codec)
            if forbidden := (yield from kinds.forbids_text(decoded.text)):
                raise Unreadable(forbidden)
            if (yield from charset.is_sure(decoded, source.data)):
                return Text(index=index, html=html, part=part, source=source, decoded=decoded)
        trouble = Trouble.UNREADABLE_CHARSET
    if html:
        raise Unreadable(trouble)
    return None


def _file(raw: bytes, part: Part, index: int, size: int) -> File:
    return File(
        index=index,
        name=kinds.name(part),
        content_type=part.media,
        content_id=kinds.content_id(part),
        size=size,
        part=part,
        raw=raw,
    )
