"""The object store: bytes under keys in a local folder or on S3; the only file that knows obstore.

Every call ends within a deadline. What fails is Transient, for a store that is away or refuses us may be there again;
an object that is not there is no failure. Keys are the caller's, made of ids: a symbolic link in a folder is followed.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store, from_url

from services.runtime import parsers
from services.runtime.config import setting
from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.parsers import Parser

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config
    from obstore.store import ObjectStore as Store

CHUNK_BYTES: Final = 256 * 1024
_CALL_SECONDS: Final = 5.0
# What a put may take beside: a slow line's megabyte a second.
_PUT_BYTES_PER_SECOND: Final = 1_000_000
_KIND: Final = "a URL like file:///var/lib/inkling/objects or s3://bucket/prefix"
_PROBE_KEY: Final = "inkling-probe"


def _address(written: str) -> str:
    parts = urlsplit(written)
    named = bool(parts.hostname) or (parts.scheme == "file" and parts.path.startswith("/"))
    if not parts.scheme or not named or not written.isprintable() or parts.query or parts.fragment:
        raise ValueError(f"must be {_KIND}")
    if parts.scheme == "file" and parts.netloc:
        raise ValueError("must be file:/// and an absolute path: a folder is on this machine")
    if parts.username or parts.password:
        raise ValueError("must not hold credentials; they have names of their own")
    return written


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsConfig:
    """Where followed files are kept. A local folder and S3 are tested; obstore's other stores are not."""

    store: str = setting(
        "INKLING_OBJECT_STORE",
        Parser(_KIND, _address),
        help="where followed files and pictures are kept; the rewriter writes them, the tracker serves them."
        " Other stores of obstore (gs, az) are passed on to it untested",
    )
    access_key: str | None = setting(
        "INKLING_OBJECT_STORE_ACCESS_KEY",
        parsers.optional(parsers.text()),
        default="",
        help="the id of the S3 access key; empty: what the machine itself is allowed",
    )
    secret_key: str | None = setting(
        "INKLING_OBJECT_STORE_SECRET_KEY",
        parsers.optional(parsers.text()),
        default="",
        help="the secret of the S3 access key",
        secret=True,
    )
    endpoint: str | None = setting(
        "INKLING_OBJECT_STORE_ENDPOINT",
        parsers.optional(parsers.url("https", "http")),
        default="",
        help="the address of an S3 server that is not Amazon's",
    )
    region: str = setting(
        "INKLING_OBJECT_STORE_REGION",
        parsers.text(),
        default="us-east-1",
        help="the S3 region",
    )

    def __post_init__(self) -> None:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError(
                "INKLING_OBJECT_STORE_ACCESS_KEY and INKLING_OBJECT_STORE_SECRET_KEY go together"
            )


class NoSuchObject(Exception):
    """There is nothing under this key, or no longer."""


class ObjectStore:
    """Keeps whole objects under keys; an object is seen with all its bytes or not at all.

    In a local folder what is put outlives the process, but not a power cut within the file system's delay.
    """

    def __init__(self, store: "Store", folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder
        self._trouble: str | None = None

    async def put(self, key: str, data: bytes) -> None:
        """Store the bytes under the key, in place of what was there."""
        seconds = _CALL_SECONDS + len(data) / _PUT_BYTES_PER_SECOND
        with self._translated():
            async with asyncio.timeout(seconds):
                await obstore.put_async(self._store, key, data)

    async def read(self, key: str, limit: int) -> bytes | None:
        """Return a small object whole, or None if there is none; Poison if it is above the limit."""
        with self._translated():
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    found = await obstore.get_async(self._store, key)
                    if found.meta["size"] <= limit:
                        return bytes(await found.bytes_async())
            except FileNotFoundError:
                await self._see_folder()
                return None
        raise Poison("object_too_large", f"more than {limit} bytes")

    async def stream(
        self, key: str, start: int, end: int, chunk: int = CHUNK_BYTES
    ) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `end` (exclusive), one chunk in memory at a time.

        Each chunk is a request of its own, so a slow reader holds no connection and no more memory than that.
        Raises NoSuchObject if the object is not there, or goes; Transient if it is shorter than asked for.
        """
        for at in range(start, end, chunk):
            yield await self._range(key, at, min(at + chunk, end))

    async def _range(self, key: str, start: int, end: int) -> bytes:
        with self._translated():
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    part = await obstore.get_range_async(self._store, key, start=start, end=end)
            except FileNotFoundError:
                await self._see_folder()
                raise NoSuchObject(key) from None
        if len(part) != end - start:
            raise Transient("objects: an object is shorter than its metadata says")
        return bytes(part)

    async def delete(self, key: str) -> None:
        """Remove what is under the key, if there is anything."""
        with self._translated():
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                return

    async def probe(self) -> None:
        """Ask the store something; raises Transient if it does not answer."""
        await self.read(_PROBE_KEY, 0)

    def healthy(self) -> str | None:
        """Return None, or how the last call failed."""
        return self._trouble

    async def _see_folder(self) -> None:
        """Raise if the whole folder is gone, as when a disk is not mounted: then no object is known to be missing."""
        if self._folder is not None and not await asyncio.to_thread(self._folder.is_dir):
            raise NotADirectoryError

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            self._trouble = "objects: no answer in time"
            raise Transient(self._trouble) from None
        except (BaseError, OSError) as error:
            # obstore's own text may show addresses and signed URLs
            self._trouble = f"objects: {type(error).__name__}"
            raise Transient(self._trouble) from error
        self._trouble = None


def open_objects(config: ObjectsConfig) -> ObjectStore:
    """Make the store that the configuration names, which need not be there yet; Fatal if it never can be."""
    try:
        folder = _folder(config.store)
        return ObjectStore(
            _store(config) if folder is None else LocalStore(folder, mkdir=True), folder
        )
    except (BaseError, OSError, ValueError) as error:
        raise Fatal(f"objects: INKLING_OBJECT_STORE cannot be used: {error}") from error


def _folder(address: str) -> Path | None:
    parts = urlsplit(address)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _store(config: ObjectsConfig) -> "Store":
    parts = urlsplit(config.store)
    patience: ClientConfig = {
        "connect_timeout": timedelta(seconds=2),
        "timeout": timedelta(seconds=_CALL_SECONDS),
        "allow_http": config.endpoint is not None and config.endpoint.startswith("http:"),
    }
    retry: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=_CALL_SECONDS)}
    if parts.scheme != "s3":
        return from_url(config.store, client_options=patience, retry_config=retry)
    settings: S3Config = {
        "region": config.region,
        "virtual_hosted_style_request": config.endpoint is None,
    }
    if config.endpoint:
        settings["endpoint"] = config.endpoint
    if config.access_key and config.secret_key:
        settings["access_key_id"] = config.access_key
        settings["secret_access_key"] = config.secret_key
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        config=settings,
        client_options=patience,
        retry_config=retry,
    )
