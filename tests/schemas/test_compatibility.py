from copy import deepcopy
from importlib.resources import files
from typing import Any

import orjson
import pytest

from schemas import envelope
from schemas.events import TYPES
from tests.schemas.compatibility import breaks

RELEASED: dict[str, Any] = {
    entry.name.removesuffix(".schema.json"): orjson.loads(entry.read_bytes())
    for entry in files("tests.schemas").joinpath("released").iterdir()
}


@pytest.mark.parametrize("event_type", sorted(RELEASED))
def test_no_change_breaks_a_reader_of_old_events(event_type: str) -> None:
    assert event_type in TYPES, "a released type is read for ever"
    assert list(breaks(RELEASED[event_type], envelope.closed_schema(event_type))) == []


def test_every_type_is_released_with_its_schema() -> None:
    assert set(RELEASED) == set(TYPES)


def _changed(path: str, value: Any) -> dict[str, Any]:
    schema: dict[str, Any] = deepcopy(RELEASED["message.opened.v1"])
    *parents, last = path.split("/")
    node = schema
    for each in parents:
        node = node[each]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return schema


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties/language", None),
        ("properties/user_agent/maxLength", 100),
        ("properties/user_agent/maxLength", 5000),
        ("properties/method/enum", ["GET"]),
        ("properties/method/enum", ["GET", "HEAD", "POST"]),
        ("properties/edge/type", "integer"),
        ("required", ["message_id", "refs", "method", "edge", "user_agent"]),
        ("required", ["message_id", "refs", "method"]),
        ("additionalProperties", True),
    ],
)
def test_a_breaking_change_is_seen(path: str, value: Any) -> None:
    assert list(breaks(RELEASED["message.opened.v1"], _changed(path, value)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties/device", {"type": "string"}),
        ("description", "better words"),
        ("properties/edge/description", "x"),
    ],
)
def test_growing_by_optional_members_is_allowed(path: str, value: Any) -> None:
    assert list(breaks(RELEASED["message.opened.v1"], _changed(path, value))) == []
