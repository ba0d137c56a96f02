import base64
import shutil
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry

from schemas import codec, files
from schemas.files import FileKind, StoredFile
from schemas.instant import Instant
from services.rewriter.attachments import FileRules
from services.rewriter.filing import Filing, OtherFile
from services.rewriter.metrics import Metrics
from services.runtime.errors import Transient
from tests.rewriter.given import MESSAGE, TENANT, TERMS, a_store, prepared
from tests.support.clock import START, ManualClock

NOW = Instant(START)
DAY = 86_400_000_000
OFFER = bytes(range(256)) * 300
GIF = b"GIF89a and more"


def a_file(content: bytes, **more: Any) -> dict[str, Any]:
    encoded = base64.b64encode(content).decode()
    return {"name": "Ä offer.pdf", "content_type": "application/pdf", "content": encoded, **more}


MAIL = {
    "html": "<img src=cid:g>",
    "attachments": [
        a_file(b"plain"),
        a_file(OFFER, followed=True),
        a_file(GIF, name="g.gif", content_type="image/svg+xml", content_id="g"),
    ],
    "host_pictures": True,
}


@dataclass(frozen=True, slots=True)
class Store:
    """A folder with a filing over it."""

    folder: Path
    filing: Filing
    registry: CollectorRegistry

    def path(self, kind: FileKind, index: int, *, content: bool) -> Path:
        key = files.content_key if content else files.metadata_key
        return self.folder / key(TENANT, MESSAGE, kind, index)

    def metadata(self, kind: FileKind, index: int) -> StoredFile:
        raw = self.path(kind, index, content=False).read_bytes()
        return codec.read(StoredFile, orjson.loads(raw))

    def all(self) -> dict[str, bytes]:
        found = (one for one in self.folder.rglob("*") if one.is_file())
        return {str(one.relative_to(self.folder)): one.read_bytes() for one in found}

    def counted(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"inkling_rewriter_{name}", labels)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    registry = CollectorRegistry()
    filing = Filing(a_store(tmp_path / "objects"), ManualClock(), Metrics(registry))
    return Store(tmp_path / "objects", filing, registry)


async def test_followed_files_and_hosted_pictures_are_stored_and_nothing_else(store: Store) -> None:
    terms = replace(TERMS, files=FileRules(days=30))
    await store.filing.keep(prepared(terms, **MAIL), NOW)
    assert len(store.all()) == 4
    assert store.path(FileKind.ATTACHMENT, 1, content=True).read_bytes() == OFFER
    assert store.path(FileKind.PICTURE, 2, content=True).read_bytes() == GIF
    assert store.metadata(FileKind.ATTACHMENT, 1) == StoredFile(
        name="Ä offer.pdf",
        content_type="application/pdf",
        size=len(OFFER),
        digest=sha256(OFFER).hexdigest(),
        stored_at=NOW,
        expires_at=Instant(NOW + 30 * DAY),
        owner="ana",
    )
    # what it is, and not what it was said to be
    assert store.metadata(FileKind.PICTURE, 2).content_type == "image/gif"
    assert store.counted("stored_bytes_total", kind="attachment") == len(OFFER)
    assert store.counted("stored_files_total", kind="picture") == 1
    assert store.counted("object_store_seconds_count") == 1


async def test_a_mail_without_followed_files_asks_nothing_of_the_store(store: Store) -> None:
    shutil.rmtree(store.folder)
    await store.filing.keep(prepared(attachments=[a_file(b"plain")]), NOW)
    assert store.counted("object_store_seconds_count") == 0


async def test_the_same_mail_twice_is_the_same_objects(store: Store) -> None:
    await store.filing.keep(prepared(**MAIL), NOW)
    before = store.all()
    await store.filing.keep(prepared(**MAIL), Instant(NOW + DAY))
    assert store.all() == before
    assert store.counted("stored_files_total", kind="attachment") == 1


@pytest.mark.parametrize(
    "other",
    [
        a_file(b"other", followed=True),
        a_file(OFFER, followed=True, name="else.pdf"),
        a_file(OFFER, followed=True, content_type="text/plain"),
    ],
)
async def test_another_file_never_takes_the_place_of_one_that_was_sent(
    store: Store, other: dict[str, Any]
) -> None:
    await store.filing.keep(prepared(**MAIL), NOW)
    before = store.all()
    with pytest.raises(OtherFile) as refused:
        await store.filing.keep(prepared(attachments=[a_file(b"plain"), other]), NOW)
    assert refused.value.index == 1
    assert store.all() == before


async def test_what_failed_is_finished_by_the_next_call(store: Store) -> None:
    blocked = store.path(FileKind.ATTACHMENT, 1, content=False)
    blocked.mkdir(parents=True)
    with pytest.raises(Transient, match="objects"):
        await store.filing.keep(prepared(**MAIL), NOW)
    assert store.counted("object_store_failures_total") == 1
    blocked.rmdir()
    await store.filing.keep(prepared(**MAIL), NOW)
    assert store.metadata(FileKind.ATTACHMENT, 1).size == len(OFFER)


async def test_content_comes_first_so_what_has_metadata_is_whole(store: Store) -> None:
    store.path(FileKind.ATTACHMENT, 1, content=True).mkdir(parents=True)
    with pytest.raises(Transient):
        await store.filing.keep(prepared(**MAIL), NOW)
    assert not store.path(FileKind.ATTACHMENT, 1, content=False).exists()


async def test_a_withdrawn_file_says_so_and_its_content_is_gone(store: Store) -> None:
    await store.filing.keep(prepared(**MAIL), NOW)
    later = Instant(NOW + DAY)
    assert await store.filing.withdraw(TENANT, MESSAGE, 1, later, None)
    assert store.metadata(FileKind.ATTACHMENT, 1).withdrawn_at == later
    assert not store.path(FileKind.ATTACHMENT, 1, content=True).exists()
    assert await store.filing.withdraw(TENANT, MESSAGE, 1, Instant(later + DAY), "ana")
    assert store.metadata(FileKind.ATTACHMENT, 1).withdrawn_at == later
    assert store.counted("withdrawn_files_total") == 1
    before = store.all()
    await store.filing.keep(prepared(**MAIL), Instant(later + DAY))
    assert store.all() == before


async def test_a_withdrawal_that_broke_off_is_finished_by_the_next(store: Store) -> None:
    await store.filing.keep(prepared(**MAIL), NOW)
    content = store.path(FileKind.ATTACHMENT, 1, content=True)
    content.unlink()
    (content / "in-the-way").mkdir(parents=True)
    with pytest.raises(Transient):
        await store.filing.withdraw(TENANT, MESSAGE, 1, NOW, None)
    assert store.metadata(FileKind.ATTACHMENT, 1).withdrawn_at == NOW
    shutil.rmtree(content)
    content.write_bytes(OFFER)
    assert await store.filing.withdraw(TENANT, MESSAGE, 1, NOW, None)
    assert not content.exists()


@pytest.mark.parametrize(("index", "owner"), [(0, None), (2, None), (9, None), (1, "eve")])
async def test_there_is_nothing_to_withdraw_where_nothing_of_theirs_is_followed(
    store: Store, index: int, owner: str | None
) -> None:
    await store.filing.keep(prepared(**MAIL), NOW)
    before = store.all()
    assert not await store.filing.withdraw(TENANT, MESSAGE, index, NOW, owner)
    assert store.all() == before
