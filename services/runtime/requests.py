"""What a request says: its JSON body against the OpenAPI document, its query parameters by type.

Everything refused names the field at fault, and no refusal repeats the value.
"""

import asyncio
import re
from collections.abc import Collection, Iterator, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

import jsonschema_rs
import orjson
from aiohttp import web

from services.runtime.clock import parse_instant
from services.runtime.problem import (
    ERRORS_SHOWN,
    FieldError,
    Problem,
    Slug,
    invalid_parameter,
)

_DOCUMENT: Final = "urn:inkling:openapi"
# A body that trickles in holds a connection and memory.
BODY_SECONDS: Final = 30.0
# Deep enough for any document of ours; the validator itself stops at 255.
_MAX_DEPTH: Final = 64
# Above this a float no longer holds every whole number.
_EXACT: Final = 2.0**53
_MASK: Final = "the value"
_MANY_TEXTS_BYTES: Final = 32 * 1024
_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}")


class Validator:
    """One component schema of an OpenAPI 3.1 document, compiled."""

    def __init__(self, openapi: bytes, component: str) -> None:
        document = orjson.loads(openapi)
        if component not in document["components"]["schemas"]:
            raise ValueError(f"the OpenAPI document has no component {component}")
        registry = jsonschema_rs.Registry([(_DOCUMENT, document)], draft=jsonschema_rs.Draft202012)
        self._validator = jsonschema_rs.Draft202012Validator(
            {"$ref": f"{_DOCUMENT}#/components/schemas/{component}"},
            registry=registry,
            validate_formats=True,
            mask=_MASK,
            offline=True,
        )

    def errors(self, value: Any) -> list[FieldError]:
        """Return what is wrong with a value, field by field; as many as an answer can show."""
        if self._validator.is_valid(value):  # nearly always, and told in two thirds of the time
            return []
        found = (
            shown for error in self._validator.iter_errors(value) for shown in _field_errors(error)
        )
        return list(islice(found, ERRORS_SHOWN))


async def read_json(request: web.Request, validator: Validator) -> dict[str, Any]:
    """Return the body as a valid object, or raise the `Problem` that says what is wrong with it.

    A whole number written as `1.0` becomes an int; of a repeated name the last one counts.
    """
    if request.content_type != "application/json":
        raise Problem(Slug.UNSUPPORTED_MEDIA_TYPE, "This door reads application/json.")
    return parse(await read_body(request), validator)


def parse(body: bytes, validator: Validator) -> dict[str, Any]:
    """Return JSON as a valid object, or raise the `Problem` that says what is wrong with it."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem(
            Slug.MALFORMED_JSON, f"The body cannot be read as JSON, at {where}."
        ) from error
    # NUL can stand in JSON as an escape only; where there is none no text need be looked at. To see that takes longer
    # than to look at the few texts of a body of usual size.
    if faults := _unstorable(value, texts=len(body) < _MANY_TEXTS_BYTES or b"\\u0000" in body):
        raise _invalid(faults)
    if faults := validator.errors(value):
        raise _invalid(faults)
    if not isinstance(value, dict):
        raise _invalid([FieldError(field="", detail="The body must be a JSON object.")])
    return value


async def read_body(request: web.Request) -> bytes:
    """Return the body's bytes, or raise `Problem` 413 or 408."""
    limit = request.client_max_size
    if request.content_length is not None and request.content_length > limit:
        raise too_large(limit)
    content = request.content
    if content.is_eof() and not content.at_eof():
        # All of it is here, as it nearly always is: nobody is waited for, and it need not be copied.
        whole = content.read_nowait()
        if len(whole) > limit:
            raise too_large(limit)
        request._read_bytes = whole  # noqa: SLF001  # as `read` does, for whoever asks again
        return whole
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError as error:
        raise Problem(
            Slug.TIMEOUT, "The body came too slowly.", status=HTTPStatus.REQUEST_TIMEOUT
        ) from error
    except web.HTTPRequestEntityTooLarge as error:
        raise too_large(limit) from error


def too_large(limit: int) -> Problem:
    """Return the refusal of a body above so many bytes."""
    return Problem(Slug.TOO_LARGE, f"The body must not be above {limit} bytes.")


class Query:
    """The query parameters of a request; those that the door does not know are refused at once."""

    def __init__(
        self, request: web.Request, known: Collection[str], repeatable: Collection[str] = ()
    ) -> None:
        self._given = request.query
        for name in self._given:
            if name not in known and name not in repeatable:
                raise invalid_parameter(name, "This door has no such parameter.")
            if name not in repeatable and len(self._given.getall(name)) > 1:
                raise invalid_parameter(name, "It may be given once only.")

    def integer(self, name: str, *, default: int, minimum: int, maximum: int) -> int:
        """Return a whole number within a range, both ends allowed."""
        written = self._given.get(name)
        if written is None:
            return default
        number = int(written) if _DECIMAL.fullmatch(written) else None
        if number is None or not minimum <= number <= maximum:
            raise invalid_parameter(name, f"It must be a whole number, {minimum} to {maximum}.")
        return number

    def instant(self, name: str) -> int | None:
        """Return an RFC 3339 time in microseconds since the epoch, or None where not given."""
        written = self._given.get(name)
        if written is None:
            return None
        try:
            return parse_instant(written)
        except ValueError as error:
            raise invalid_parameter(name, f"It {error}.") from error

    def choice(self, name: str, choices: Sequence[str]) -> str | None:
        """Return one of a closed list of words, or None where not given."""
        written = self._given.get(name)
        if written is not None and written not in choices:
            raise invalid_parameter(name, f"It must be one of {', '.join(choices)}.")
        return written

    def all(self, name: str, *, maximum: int, most: int) -> tuple[str, ...]:
        """Return each value of a repeatable parameter once, none longer than so many characters.

        As `maxItems` in a document of OpenAPI does, ``most`` counts what is given, a value given twice as two.
        """
        written = self._given.getall(name, ())
        if len(written) > most:
            raise invalid_parameter(name, f"It may be given at most {most} times.")
        for one in written:
            hold_to_text(name, one, maximum)
        return tuple(dict.fromkeys(written))

    def text(self, name: str, *, maximum: int) -> str | None:
        """Return text of at most so many characters, or None where not given."""
        written = self._given.get(name)
        if written is not None:
            hold_to_text(name, written, maximum)
        return written


def hold_to_text(name: str, written: str, maximum: int) -> None:
    """Refuse a parameter that PostgreSQL cannot hold as text, or that is longer than so many characters."""
    if not _storable(written):
        raise invalid_parameter(name, "It must not contain the character NUL.")
    if len(written) > maximum:
        raise invalid_parameter(name, f"It must be text of at most {maximum} characters.")


def pointer(path: Sequence[str | int]) -> str:
    """Write a path into a JSON document as an RFC 6901 pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _invalid(faults: Sequence[FieldError]) -> Problem:
    unknown = all(one.slug is Slug.UNKNOWN_FIELD for one in faults)
    detail = faults[0].detail
    if len(faults) > 1:
        detail = f"{len(faults)} fields are at fault, the first: {detail}"
    slug = Slug.UNKNOWN_FIELD if unknown else Slug.INVALID_FIELD
    return Problem(slug, detail, errors=faults)


_Kind = jsonschema_rs.ValidationErrorKind


def _field_errors(error: jsonschema_rs.ValidationError) -> Iterator[FieldError]:
    path = error.instance_path
    match error.kind:
        case (
            _Kind.AdditionalProperties(unexpected=names)
            | _Kind.UnevaluatedProperties(unexpected=names)
        ):
            for name in names:
                yield FieldError(
                    field=pointer([*path, name]),
                    detail="There is no such field.",
                    slug=Slug.UNKNOWN_FIELD,
                )
        case _Kind.Required(property=name):
            yield FieldError(field=pointer([*path, name]), detail="This field is required.")
        case _Kind.AnyOf(context=branches) | _Kind.OneOfNotValid(context=branches):
            # where all but one are of another type, that one was meant: `null or an object`
            meant = [branch for branch in branches if not _of_another_type(branch, path)]
            if len(meant) == 1:
                for inner in meant[0]:
                    yield from _field_errors(inner)
            else:
                yield FieldError(
                    field=pointer(path), detail="The value has none of the forms allowed here."
                )
        case _:
            detail = error.message[0].upper() + error.message[1:]
            yield FieldError(field=pointer(path), detail=f"{detail}.")


def _of_another_type(
    branch: Sequence[jsonschema_rs.ValidationError], path: Sequence[str | int]
) -> bool:
    return any(
        isinstance(one.kind, _Kind.Type) and list(one.instance_path) == list(path) for one in branch
    )


def _unstorable(value: Any, *, texts: bool) -> list[FieldError]:
    """Find what no schema forbids and PostgreSQL cannot hold; make ints of whole floats meanwhile."""
    worth_a_look = (str, dict, list) if texts else (dict, list)
    faults: list[FieldError] = []
    pending: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while pending and len(faults) < ERRORS_SHOWN:
        path, found = pending.pop()
        if isinstance(found, str):
            if not _storable(found):
                faults.append(_fault(path, "Text must not contain the character NUL."))
            continue
        if not isinstance(found, dict | list):
            continue
        if len(path) >= _MAX_DEPTH:
            faults.append(_fault(path, f"Nothing may be nested deeper than {_MAX_DEPTH}."))
            continue
        items = list(found.items() if isinstance(found, dict) else enumerate(found))
        for key, inner in items:
            if texts and isinstance(key, str) and not _storable(key):
                faults.append(_fault((*path, key), "A name must not contain the character NUL."))
            if isinstance(inner, float) and inner.is_integer() and abs(inner) < _EXACT:
                found[key] = int(inner)
            elif isinstance(inner, worth_a_look):
                pending.append(((*path, key), inner))
    return faults


def _fault(path: Sequence[str | int], detail: str) -> FieldError:
    return FieldError(field=pointer(path), detail=detail)


def _storable(text: str) -> bool:
    return "\0" not in text
