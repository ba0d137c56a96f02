from dataclasses import replace
from uuid import UUID

from schemas import codec, files, instant
from schemas.files import FileKind, StoredFile
from schemas.identity import MessageId, Tenant

AT = instant.parse("2026-11-24T09:30:00Z")
LATER = instant.parse("2026-11-25T09:30:00Z")
FILE = StoredFile(
    name="offer.pdf", content_type="application/pdf", size=3, digest="0" * 64, stored_at=AT
)


def test_metadata_is_read_as_it_was_written() -> None:
    assert codec.read(StoredFile, codec.write(FILE)) == FILE


def test_a_file_may_say_whose_it_is_and_older_metadata_does_not() -> None:
    owned = replace(FILE, owner="ana")
    assert codec.read(StoredFile, codec.write(owned)) == owned
    assert "owner" not in codec.write(FILE)


def test_a_file_is_gone_once_withdrawn_or_expired() -> None:
    kept = StoredFile(
        name="x", content_type="a/b", size=0, digest="", stored_at=AT, expires_at=LATER
    )
    back = StoredFile(
        name="x", content_type="a/b", size=0, digest="", stored_at=AT, withdrawn_at=AT
    )
    assert [each.gone(AT) for each in (FILE, kept, back)] == [False, False, True]
    assert [each.gone(LATER) for each in (FILE, kept, back)] == [False, True, True]


def test_keys_are_made_of_ids_and_differ_by_kind() -> None:
    message = MessageId(UUID(int=1))
    first = files.content_key(Tenant("a"), message, FileKind.ATTACHMENT, 0)
    assert first == f"a/{message}/attachment-0/content"
    others = {
        files.content_key(Tenant("a"), message, FileKind.PICTURE, 0),
        files.metadata_key(Tenant("a"), message, FileKind.ATTACHMENT, 0),
        files.content_key(Tenant("a"), message, FileKind.ATTACHMENT, 1),
        files.content_key(Tenant("b"), message, FileKind.ATTACHMENT, 0),
    }
    assert len(others | {first}) == 5
