"""A mail as bytes: what of it may be edited, found and changed in place; every byte outside the edits stays.

    read(raw) -> Document                     never raises, whatever the bytes
    write(document, Changes(...)) -> bytes    without changes: the bytes that were read
    mixed([Copy(raw, headers), ...]) -> Mixed    several mails in one `multipart/mixed`
    steps.reading(raw), steps.writing(document, changes), File.chunks()
        the same as generators whose every step takes a few milliseconds; `return` gives the result. Who serves others
        meanwhile runs them with a pause between the steps: a step may hold the interpreter, a step never does for long

    Document
        header: Header                 the mail's own; `first(name)` and `all(name)` are decoded, `raw(name)` is not
        bodies: tuple[Text, ...]       each inline `text/html` that is no attachment, in order
        texts: tuple[Text, ...]        each inline `text/plain` likewise
        files: tuple[File, ...]        attachments and `cid:` pictures; not `message/*`, AMP, calendar alternatives
        untouchable: Untouchable|None  `code` (signed, encrypted, malformed) and `detail`, a sentence; then there are no
                                       bodies, texts and files, and only header fields may be changed
        signed_by_dkim: bool           a DKIM, DomainKeys or ARC signature stands there, which edits break
    Text: index, text (U+FFFD where bytes are none of the charset), charset (what it was read with)
    File: index, name, content_type, content_id (without <>), size (decoded), span; content() -> bytes, chunks()
    Changes(bodies={i: [Edit, ...]}, texts={i: [Edit, ...]}, dropped_files={i, ...},
            strip_headers=("bcc", "inkling-*"), set_headers=(("Message-ID", "<…>"), ...))
        `Edit` is that of `services.rewriter.html`, offsets are those of `Text.text`. Line ends in markup become the
        part's own. A name in `strip_headers` may end in `*`. A header that is set takes the place of the first of its
        name, else stands last. Edits that overlap raise ValueError.

`tree` finds the parts, `header` reads their fields, `kinds` says what each part is, `transfer` and `charset` turn bytes
into text and offsets back (`charset_names` knows what charsets are called), `quoted` edits quoted-printable, `fields`
writes header fields, `steps` puts it together. All is pure.
"""

from services.rewriter.mime.document import (
    Changes,
    Code,
    Document,
    File,
    Text,
    Untouchable,
)
from services.rewriter.mime.header import Field, Header
from services.rewriter.mime.mixed import Copy, Mixed, mixed
from services.rewriter.mime.steps import read, write

__all__ = [
    "Changes",
    "Code",
    "Copy",
    "Document",
    "Field",
    "File",
    "Header",
    "Mixed",
    "Text",
    "Untouchable",
    "mixed",
    "read",
    "write",
]
