"""What every door asks of a call besides its body: by whom, in which trace, under which key, answered in which form."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from aiohttp import web

from schemas import identity
from schemas.errors import BadIdentity
from schemas.identity import Tenant
from schemas.instant import Instant
from services.rewriter.faults import BadFields
from services.runtime.access import Role, principal
from services.runtime.clock import Clock
from services.runtime.problem import FieldError, Problem, Slug, invalid_parameter

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
RETRY_SECONDS: Final = 1
JSON: Final = "application/json"
_KEY: Final = re.compile(r"[!-~]{1,255}", re.ASCII)
# W3C Trace Context: version ff and ids of zeros only are not valid.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)
_WEIGHT: Final = re.compile(r"q=(0(\.\d{0,3})?|1(\.0{0,3})?)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call by somebody who may make it."""

    tenant: Tenant
    subject: str
    roles: frozenset[Role]
    received_at: Instant
    traceparent: str | None


def admit(request: web.Request, role: Role, clock: Clock, *others: Role) -> Call:
    """Return the call, or raise `Problem`: 403 for another role, 406 where JSON is not wanted."""
    call = enter(request, role, clock, *others)
    if not accepts_json(request.headers.getall("Accept", ())):
        raise Problem(Slug.NOT_ACCEPTABLE, "This door answers application/json.")
    return call


def enter(request: web.Request, role: Role, clock: Clock, *others: Role) -> Call:
    """Return the call whatever it accepts as an answer, or raise `Problem` 403."""
    caller = principal(request, role, *others)
    try:
        tenant = identity.tenant(caller.tenant)
    except BadIdentity as error:
        raise Problem(Slug.FORBIDDEN, "The token's claim `tenant` names no tenant.") from error
    return Call(
        tenant=tenant,
        subject=caller.subject,
        roles=caller.roles,
        received_at=Instant(clock.now()),
        traceparent=traceparent(request.headers.get("traceparent")),
    )


def accepts_json(headers: Iterable[str]) -> bool:
    """Tell whether `Accept` allows application/json."""
    return preferred(headers, (JSON,)) is not None


def preferred(headers: Iterable[str], offers: Sequence[str]) -> str | None:
    """Return the media type that `Accept` wants most, of several the first offered; None where it allows none.

    For each offer the nearest range decides (RFC 9110 §12.5.1); no header allows everything.
    """
    return _preferred(",".join(headers), tuple(offers))


# A caller sends one header with all its calls; strangers may send many, of at most some kilobytes.
@lru_cache(maxsize=256)
def _preferred(header: str, offers: tuple[str, ...]) -> str | None:
    weights: dict[str, float] = {}
    for one in header.split(","):
        media, *parameters = (part.strip() for part in one.split(";"))
        if media:
            found = (_WEIGHT.fullmatch(part) for part in parameters)
            weights[media.lower()] = next((float(weight[1]) for weight in found if weight), 1.0)
    if not weights:
        return offers[0]
    best: tuple[float, int] = (0.0, 0)
    chosen: str | None = None
    for offer in offers:
        ranges = ("*/*", offer.partition("/")[0] + "/*", offer)
        near = next((at for at in (2, 1, 0) if ranges[at] in weights), 0)
        weight = weights.get(ranges[near], 0.0)
        if weight > 0 and (chosen is None or (weight, near) > best):
            best, chosen = (weight, near), offer
    return chosen


def traceparent(header: str | None) -> str | None:
    """Return a valid `traceparent` as it is; anything else is not forwarded."""
    return header if header is not None and _TRACEPARENT.fullmatch(header) else None


def idempotency_key(request: web.Request) -> str | None:
    """Return the caller's `Idempotency-Key`, or raise `Problem` 400."""
    given = request.headers.getall(IDEMPOTENCY_KEY, [])
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise invalid_parameter(IDEMPOTENCY_KEY, "It must be 1 to 255 visible ASCII characters.")
    return given[0]


def refused(bad: BadFields, status: int | None = None) -> Problem:
    """Return the answer to a body with fields that are not valid."""
    errors = [
        FieldError(
            field=one.field,
            detail=one.detail,
            slug=Slug.INVALID_FIELD if one.known else Slug.UNKNOWN_FIELD,
        )
        for one in bad.faults
    ]
    return invalid(errors, status)


def invalid(errors: Sequence[FieldError], status: int | None = None) -> Problem:
    """Return the answer that names several fields at fault."""
    detail = errors[0].detail
    if len(errors) > 1:
        detail = f"{len(errors)} fields are at fault, the first: {detail}"
    return Problem(errors[0].slug, detail, errors=errors, status=status)


def unavailable(detail: str) -> Problem:
    """Return the answer where what a door depends on is not there."""
    return Problem(Slug.UNAVAILABLE, detail, headers={"Retry-After": str(RETRY_SECONDS)})
