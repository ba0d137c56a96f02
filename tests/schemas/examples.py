"""The golden examples, as values: shared by every test that must cope with all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson

from schemas.events import TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One record as it would lie in Kafka; ``refused`` is set where it must be refused."""

    name: str
    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    refused: dict[str, str] | None


def _load(folder: str) -> Iterator[Example]:
    for entry in sorted(
        files("schemas").joinpath("examples", folder).iterdir(), key=lambda each: each.name
    ):
        data: dict[str, Any] = orjson.loads(entry.read_bytes())
        value = data["raw_value"] if "raw_value" in data else orjson.dumps(data["value"]).decode()
        yield Example(
            name=f"{folder}/{entry.name}",
            topic=data["topic"],
            key=data["key"].encode(),
            value=None if value is None else value.encode(),
            headers=tuple((name, text.encode()) for name, text in data["headers"].items()),
            refused=data.get("refused"),
        )


GOLDEN = [example for event_type in TYPES for example in _load(event_type)]
REFUSED = list(_load("refused"))


def document(name: str) -> Any:
    """Load one of the golden documents, such as ``tokens.json``."""
    return orjson.loads(files("schemas").joinpath("examples", name).read_bytes())
