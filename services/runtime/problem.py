"""Errors as HTTP doors tell them: RFC 9457, from one closed catalogue, without internals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import orjson

CONTENT_TYPE: Final = "application/problem+json"
# Enough to repair a form at once, and a bound on what one bad request makes us write.
ERRORS_SHOWN: Final = 50


class Slug(StrEnum):
    """What went wrong, for programs; `type` in the answer is `urn:inkling:problem:` and this."""

    MALFORMED_REQUEST = "malformed-request"
    MALFORMED_JSON = "malformed-json"
    INVALID_FIELD = "invalid-field"
    UNKNOWN_FIELD = "unknown-field"
    INVALID_CURSOR = "invalid-cursor"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    NOT_ACCEPTABLE = "not-acceptable"
    CONFLICT = "conflict"
    TOO_LARGE = "too-large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the catalogue; `meaning` tells the caller what to do."""

    status: HTTPStatus
    title: str
    meaning: str


CATALOGUE: Final[Mapping[Slug, Kind]] = {
    Slug.MALFORMED_REQUEST: Kind(
        HTTPStatus.BAD_REQUEST,
        "The request is malformed",
        "The request cannot be understood as HTTP; repair the client.",
    ),
    Slug.MALFORMED_JSON: Kind(
        HTTPStatus.BAD_REQUEST,
        "The body is not JSON",
        "The body is not JSON in UTF-8; send what the content type says.",
    ),
    Slug.INVALID_FIELD: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "A field is not valid",
        "`field` names the field or parameter, `errors` every one found; 400 for a parameter.",
    ),
    Slug.UNKNOWN_FIELD: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "A field is not known",
        "`field` names a field that this door does not have; leave it out.",
    ),
    Slug.INVALID_CURSOR: Kind(
        HTTPStatus.BAD_REQUEST,
        "The cursor is not valid",
        "The cursor belongs to another list, filter or sort; start again without one.",
    ),
    Slug.UNAUTHENTICATED: Kind(
        HTTPStatus.UNAUTHORIZED,
        "A valid bearer token is needed",
        "The token is missing, expired or not believed; get a new one.",
    ),
    Slug.FORBIDDEN: Kind(
        HTTPStatus.FORBIDDEN,
        "This role may not do that",
        "The token is believed, but its roles do not open this door.",
    ),
    Slug.NOT_FOUND: Kind(
        HTTPStatus.NOT_FOUND,
        "There is no such thing",
        "Nothing of yours has this name; it may exist for somebody else.",
    ),
    Slug.METHOD_NOT_ALLOWED: Kind(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The method is not allowed here",
        "The header `Allow` lists the methods of this path.",
    ),
    Slug.NOT_ACCEPTABLE: Kind(
        HTTPStatus.NOT_ACCEPTABLE,
        "The answer has no such form",
        "Nothing in `Accept` can hold the answer; `detail` says what can.",
    ),
    Slug.CONFLICT: Kind(
        HTTPStatus.CONFLICT,
        "The request conflicts with what is there",
        "The thing changed, or the idempotency key was used for another request.",
    ),
    Slug.TOO_LARGE: Kind(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is too large",
        "The body is above this door's limit; send less.",
    ),
    Slug.UNSUPPORTED_MEDIA_TYPE: Kind(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The content type is not accepted",
        "`detail` says which content types this door reads.",
    ),
    Slug.INTERNAL: Kind(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something unforeseen went wrong",
        "A fault of ours, logged; trying again may or may not help.",
    ),
    Slug.UNAVAILABLE: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Not available at the moment",
        "Nothing was done; try again after `Retry-After` seconds.",
    ),
    Slug.TIMEOUT: Kind(
        HTTPStatus.GATEWAY_TIMEOUT,
        "It took too long",
        "A deadline passed; 408 when it was your body that came too slowly.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One field at fault: a JSON pointer into the body, or the name of a parameter."""

    field: str
    detail: str
    slug: Slug = Slug.INVALID_FIELD


class Problem(Exception):
    """Raise it anywhere below a door; the door answers with it."""

    def __init__(
        self,
        slug: Slug,
        detail: str,
        *,
        field: str | None = None,
        errors: Sequence[FieldError] = (),
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(slug, detail)
        self.slug = slug
        self.status = int(CATALOGUE[slug].status) if status is None else status
        self.title = CATALOGUE[slug].title
        self.detail = detail
        self.field = errors[0].field if field is None and errors else field
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def __str__(self) -> str:
        return f"{self.slug}: {self.detail}"

    def body(self, instance: str) -> bytes:
        """Render the answer's body; `instance` is the path that was asked for."""
        told: dict[str, object] = {
            "type": _urn(self.slug),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.field is not None:
            told["field"] = self.field
        if self.errors:
            told["errors"] = [
                {"field": one.field, "type": _urn(one.slug), "detail": one.detail}
                for one in self.errors[:ERRORS_SHOWN]
            ]
        return orjson.dumps(told)


def _urn(slug: Slug) -> str:
    return f"urn:inkling:problem:{slug}"


def invalid_parameter(name: str, detail: str) -> Problem:
    """Return the refusal of one query, path or header parameter: 400 `invalid-field`."""
    return Problem(
        Slug.INVALID_FIELD,
        detail,
        errors=[FieldError(field=name, detail=detail)],
        status=HTTPStatus.BAD_REQUEST,
    )


def invalid_field(pointer: str, detail: str) -> Problem:
    """Return the refusal of one field of the body: 422 `invalid-field`."""
    return Problem(Slug.INVALID_FIELD, detail, errors=[FieldError(field=pointer, detail=detail)])
