"""What is believed of the object store, for how long, and how seldom it is asked."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas import codec
from schemas.files import FileKind, metadata_key
from schemas.token import Claim
from services.runtime.errors import Poison, Transient
from services.runtime.objects import CHUNK_BYTES, NoSuchObject
from services.tracker.files.shelf import FRESH_SECONDS, read_metadata
from tests.tracker.given import (
    FILE_INDEX,
    MESSAGE,
    REFS,
    STORED_AT,
    TENANT,
    Tracker,
    a_file,
    a_tracker,
)

KIND = FileKind.ATTACHMENT
CLAIM = Claim(tenant=TENANT, message_id=MESSAGE, refs=REFS, index=FILE_INDEX)
CONTENT = b"0123456789"
FILE = a_file(CONTENT)
WRONG: tuple[tuple[str, Any], ...] = (
    ("name", 1),
    ("name", None),
    ("content_type", []),
    ("size", -1),
    ("size", "10"),
    ("size", True),
    ("size", 1.5),
    ("digest", "x"),
    ("digest", "AB" * 32),
    ("digest", '"\r\n' * 16),
    ("digest", 5),
    ("stored_at", "yesterday"),
    ("stored_at", 5),
    ("expires_at", {}),
)
WITHDRAWN = a_file(CONTENT, withdrawn_at=STORED_AT)


@pytest.fixture
async def tracker(tmp_path: Path) -> Tracker:
    """A tracker with a store in a folder."""
    return await a_tracker(tmp_path / "objects")


def calls(tracker: Tracker, call: str = "metadata") -> float:
    return tracker.counted("object_store_seconds_count", call=call)


async def test_a_file_is_found_as_the_rewriter_wrote_it(tracker: Tracker) -> None:
    await tracker.store(FILE, CONTENT)
    assert await tracker.shelf.find(CLAIM, KIND) == FILE
    assert await tracker.shelf.find(CLAIM, FileKind.PICTURE) is None


async def test_a_withdrawal_is_seen_within_two_seconds(tracker: Tracker) -> None:
    await tracker.store(FILE, CONTENT)
    assert await tracker.shelf.find(CLAIM, KIND) == FILE
    await tracker.store_metadata(WITHDRAWN)
    tracker.clock.advance(FRESH_SECONDS - 0.01)
    assert await tracker.shelf.find(CLAIM, KIND) == FILE
    tracker.clock.advance(0.01)
    assert await tracker.shelf.find(CLAIM, KIND) == WITHDRAWN
    assert FRESH_SECONDS == 2.0
    assert calls(tracker) == 2


async def test_what_is_forgotten_is_asked_again(tracker: Tracker) -> None:
    assert await tracker.shelf.find(CLAIM, KIND) is None
    await tracker.store(FILE, CONTENT)
    assert await tracker.shelf.find(CLAIM, KIND) is None
    tracker.shelf.forget(CLAIM, KIND)
    assert await tracker.shelf.find(CLAIM, KIND) == FILE


async def test_however_many_ask_at_once_the_store_is_asked_once(tracker: Tracker) -> None:
    await tracker.store(FILE, CONTENT)
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(tracker.shelf.find(CLAIM, KIND)) for _ in range(100)]
    assert {one.result() for one in asked} == {FILE}
    assert calls(tracker) == 1


async def test_who_gives_up_disturbs_nobody(tracker: Tracker) -> None:
    await tracker.store(FILE, CONTENT)
    first, second, third = (
        asyncio.ensure_future(tracker.shelf.find(CLAIM, KIND)) for _ in range(3)
    )
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    assert await third == FILE
    assert first.cancelled()
    assert second.cancelled()


async def test_a_store_that_is_away_is_told_to_all_and_not_remembered(
    tracker: Tracker, tmp_path: Path
) -> None:
    await tracker.store(FILE, CONTENT)
    (tmp_path / "objects").rename(tmp_path / "elsewhere")
    asked = [asyncio.ensure_future(tracker.shelf.find(CLAIM, KIND)) for _ in range(3)]
    for one in asked:
        with pytest.raises(Transient):
            await one
    assert tracker.counted("object_store_failures_total", call="metadata") == 1
    (tmp_path / "elsewhere").rename(tmp_path / "objects")
    assert await tracker.shelf.find(CLAIM, KIND) == FILE


async def test_memory_is_bounded(tracker: Tracker) -> None:
    for index in range(4100):
        claim = Claim(tenant=TENANT, message_id=MESSAGE, refs=REFS, index=index)
        await tracker.shelf.find(claim, KIND)
    assert len(tracker.shelf._found) == 4096
    assert tracker.shelf._asked == {}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"\xff",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        *[orjson.dumps(codec.write(FILE) | {name: value}) for name, value in WRONG],
        b'{"name": "' + b"x" * 70_000 + b'"}',
    ],
)
async def test_metadata_that_nobody_of_ours_wrote_is_poison(tracker: Tracker, data: bytes) -> None:
    with pytest.raises(Poison):
        read_metadata(data)
    await tracker.objects.put(metadata_key(TENANT, MESSAGE, KIND, FILE_INDEX), data)
    with pytest.raises(Poison):
        await tracker.shelf.find(CLAIM, KIND)


async def test_content_comes_in_chunks_each_measured(tracker: Tracker) -> None:
    content = bytes(range(256)) * 4096
    await tracker.store(a_file(content), content)
    parts = [part async for part in tracker.shelf.content(CLAIM, KIND, 5, len(content))]
    assert b"".join(parts) == content[5:]
    assert max(map(len, parts)) == CHUNK_BYTES
    assert calls(tracker, "content") >= len(parts)


async def test_content_that_is_not_there_is_said_at_the_first_chunk(tracker: Tracker) -> None:
    with pytest.raises(NoSuchObject):
        await anext(tracker.shelf.content(CLAIM, KIND, 0, 10))
    assert tracker.counted("object_store_failures_total", call="content") == 1
