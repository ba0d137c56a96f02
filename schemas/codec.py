"""From dataclasses to JSON values and back, led by the type hints alone.

Reading is open (unknown members are ignored) and trusts that the JSON Schema was checked before. Writing leaves out
what is ``None``.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from schemas import instant
from schemas.instant import Instant

T = TypeVar("T")
Json = Any
"""A JSON value; its shape is the schema's business."""

Convert = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _plain(hint: Any) -> Any:
    """Strip ``NewType`` layers but the one that has a wire form of its own."""
    while hint is not Instant and hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    return hint


def _optional(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = [part for part in get_args(hint) if part is not type(None)]
        return inner
    return hint


def _converter(
    hint: Any, instants: Convert, uuids: Convert, nested: Callable[[Any], Convert]
) -> Convert:
    hint = _plain(_optional(hint))
    if hint is Instant:
        return instants
    if hint is UUID:
        return uuids
    if get_origin(hint) is tuple:
        each = _converter(get_args(hint)[0], instants, uuids, nested)
        return tuple if each is _same else (lambda values: tuple([each(value) for value in values]))
    if get_origin(hint) is Mapping:
        return dict
    if is_dataclass(hint):
        return nested(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    return _same


@lru_cache(maxsize=65_536)
def _uuid(text: str) -> UUID:
    # Many events in a row are about few messages, and a UUID does not change.
    return UUID(text)


def _read_converter(hint: Any) -> Convert:
    return _converter(hint, instant.parse, _uuid, lambda cls: lambda value: read(cls, value))


def _write_converter(hint: Any) -> Convert:
    convert = _converter(hint, instant.text, str, _writer)
    # A member of an enum of texts is such a text.
    return _same if isinstance(convert, type) and issubclass(convert, StrEnum) else convert


@cache
def _readers(cls: Any) -> tuple[tuple[str, Convert], ...]:
    hints = get_type_hints(cls)
    return tuple((each.name, _read_converter(hints[each.name])) for each in fields(cls))


@cache
def _writer(cls: Any) -> Convert:
    """Return the function that writes one class, written out field by field as `dataclasses` does with `__init__`.

    A loop over the fields takes four times as long.
    """
    hints = get_type_hints(cls)
    known: dict[str, Any] = {}
    lines = ["def written(value):", " found = {}"]
    for each in fields(cls):
        name, member = each.name, "member"
        convert = _write_converter(hints[name])
        if convert is not _same:
            known[f"convert_{name}"] = convert
            member = f"convert_{name}(member)"
        lines += [f" member = value.{name}", f" if member is not None: found[{name!r}] = {member}"]
    exec("\n".join([*lines, " return found"]), known)  # noqa: S102 the names of our own fields
    written: Convert = known["written"]
    return written


def read(cls: type[T], data: Mapping[str, Json]) -> T:
    """Build a dataclass from a checked JSON object; a member that is absent or null takes its default."""
    members = _readers(cls)  # type: ignore[arg-type]  # mypy: a class is not seen to be hashable
    return cls(
        **{
            name: convert(value)
            for name, convert in members
            if (value := data.get(name)) is not None
        }
    )


def write(value: Any) -> dict[str, Json]:
    """Turn a dataclass into a JSON object without the members that are ``None``."""
    return _writer(type(value))(value)  # type: ignore[arg-type,no-any-return]  # mypy: as above
