from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest

from schemas import envelope
from schemas.events import TYPES
from tests.schemas.examples import GOLDEN


def _inner(hint: Any) -> Any:
    """Find the dataclass inside an optional or a tuple of one, if any."""
    if is_dataclass(hint):
        return hint
    found = [_inner(part) for part in get_args(hint)]
    return next((each for each in found if each is not None), None)


def _compare(cls: Any, schema: dict[str, Any], where: str) -> None:
    hints = get_type_hints(cls)
    assert set(schema["properties"]) == {each.name for each in fields(cls)}, where
    assert schema["additionalProperties"] is False, where
    for each in fields(cls):
        property_schema = schema["properties"][each.name]
        if each.default is MISSING and each.default_factory is MISSING:
            assert each.name in schema["required"], f"{where}.{each.name}"
        if each.default is None:
            assert each.name not in schema["required"], f"{where}.{each.name}"
        nested = _inner(hints[each.name])
        if nested is not None:
            _compare(nested, property_schema.get("items", property_schema), f"{where}.{each.name}")


@pytest.mark.parametrize("event_type", TYPES)
def test_class_and_schema_say_the_same(event_type: str) -> None:
    _compare(TYPES[event_type], dict(envelope.closed_schema(event_type)), event_type)


@pytest.mark.parametrize("event_type", TYPES)
def test_every_type_has_an_example(event_type: str) -> None:
    assert any(example.name.startswith(f"{event_type}/") for example in GOLDEN)


def test_the_reader_is_open_at_every_depth() -> None:
    opened = envelope.open_schema(envelope.closed_schema("message.prepared.v1"))
    assert "additionalProperties" not in opened
    assert "additionalProperties" not in opened["properties"]["recipients"]["items"]
    assert opened["properties"]["labels"]["additionalProperties"] == {
        "type": "string",
        "maxLength": 256,
    }
