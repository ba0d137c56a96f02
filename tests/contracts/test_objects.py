"""What a local folder and a real S3 server both promise as object stores."""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from services.runtime.errors import Poison, Transient
from services.runtime.objects import (
    CHUNK_BYTES,
    NoSuchObject,
    ObjectsConfig,
    ObjectStore,
    open_objects,
)
from tests.support.freezing import frozen
from tests.support.s3 import S3, an_s3

KEY = "demo/01890a5d-ac96-774b-bcce-b302099a8057/attachment-0/content"
# above five megabytes S3 is given parts
LARGE = 11 * 1024 * 1024 + 7
ANSWER_SECONDS = 9.0


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    """A real server for this module."""
    with an_s3() as server:
        yield server


class ObjectsContract(ABC):
    """Collected once for each kind of store, by its subclasses."""

    @abstractmethod
    def away(self) -> AbstractContextManager[None]:
        """Keep the store out of reach for the length of a block."""

    async def test_what_is_put_is_read_and_the_last_put_counts(self, objects: ObjectStore) -> None:
        await objects.put(KEY, b"first")
        await objects.put(KEY, b"second, longer")
        assert await objects.read(KEY, 100) == b"second, longer"
        await objects.put(KEY, b"")
        assert await objects.read(KEY, 100) == b""
        assert [part async for part in objects.stream(KEY, 0, 0)] == []

    async def test_what_is_not_there_is_no_failure(self, objects: ObjectStore) -> None:
        assert await objects.read(KEY, 100) is None
        with pytest.raises(NoSuchObject):
            await anext(objects.stream(KEY, 0, 5))
        await objects.delete(KEY)
        await objects.probe()
        assert objects.healthy() is None

    async def test_what_is_deleted_is_not_there(self, objects: ObjectStore) -> None:
        await objects.put(KEY, b"content")
        await objects.delete(KEY)
        assert await objects.read(KEY, 100) is None

    async def test_keys_do_not_touch_each_other(self, objects: ObjectStore) -> None:
        await objects.put(KEY, b"one")
        await objects.put(KEY + ".json", b"two")
        await objects.delete(KEY)
        assert await objects.read(KEY + ".json", 100) == b"two"

    async def test_a_small_object_that_is_not_small_is_poison(self, objects: ObjectStore) -> None:
        await objects.put(KEY, b"12345")
        assert await objects.read(KEY, 5) == b"12345"
        with pytest.raises(Poison, match="object_too_large"):
            await objects.read(KEY, 4)

    @pytest.mark.parametrize(
        ("start", "end"), [(0, 10), (0, 1), (9, 10), (3, 7), (3, 4), (0, 4), (4, 8), (5, 5)]
    )
    async def test_every_part_can_be_streamed_in_chunks(
        self, objects: ObjectStore, start: int, end: int
    ) -> None:
        await objects.put(KEY, b"0123456789")
        parts = [part async for part in objects.stream(KEY, start, end, chunk=4)]
        assert b"".join(parts) == b"0123456789"[start:end]
        assert all(0 < len(part) <= 4 for part in parts)

    async def test_a_large_object_is_the_same_when_it_comes_back(
        self, objects: ObjectStore
    ) -> None:
        content = os.urandom(LARGE)
        await objects.put(KEY, content)
        parts = [part async for part in objects.stream(KEY, 0, LARGE)]
        assert b"".join(parts) == content
        assert max(map(len, parts)) == CHUNK_BYTES

    async def test_an_object_shorter_than_asked_for_is_a_failure_and_not_a_short_answer(
        self, objects: ObjectStore
    ) -> None:
        await objects.put(KEY, b"0123456789")
        with pytest.raises(Transient):
            _ = [part async for part in objects.stream(KEY, 0, 11)]
        with pytest.raises(Transient):
            _ = [part async for part in objects.stream(KEY, 20, 30)]

    async def test_an_object_that_goes_while_it_is_read_is_missed(
        self, objects: ObjectStore
    ) -> None:
        await objects.put(KEY, b"0123456789")
        parts = objects.stream(KEY, 0, 10, chunk=4)
        assert await anext(parts) == b"0123"
        await objects.delete(KEY)
        with pytest.raises(NoSuchObject):
            await anext(parts)

    async def test_a_store_that_is_away_is_transient_within_the_deadline_and_may_return(
        self, objects: ObjectStore
    ) -> None:
        await objects.put(KEY, b"content")
        with self.away():
            begun = time.monotonic()
            with pytest.raises(Transient):
                await objects.read(KEY, 100)
            assert time.monotonic() - begun < ANSWER_SECONDS
            assert objects.healthy() is not None
            with pytest.raises(Transient):
                await anext(objects.stream(KEY, 0, 5))
        assert await objects.read(KEY, 100) == b"content"
        assert objects.healthy() is None


class TestLocalFolder(ObjectsContract):
    folder: Path

    @pytest.fixture
    def objects(self, tmp_path: Path) -> ObjectStore:
        self.folder = tmp_path / "objects of a test"
        return open_objects(ObjectsConfig(store=self.folder.as_uri()))

    @contextmanager
    def away(self) -> Iterator[None]:
        elsewhere = self.folder.with_name("elsewhere")
        self.folder.rename(elsewhere)
        yield
        elsewhere.rename(self.folder)


class TestS3(ObjectsContract):
    server: S3

    @pytest.fixture
    def objects(self, s3: S3) -> ObjectStore:
        self.server = s3
        return open_objects(s3.config(f"{uuid4()}/files"))

    def away(self) -> AbstractContextManager[None]:
        return frozen([self.server.pid])

    async def test_a_bucket_that_is_not_there_is_transient_to_write(self, s3: S3) -> None:
        objects = open_objects(s3.config("files", bucket="no-such-bucket"))
        with pytest.raises(Transient):
            await objects.put(KEY, b"content")
