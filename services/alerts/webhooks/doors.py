"""The doors of webhooks, for managers: endpoints, their secrets, their logs, tests and replays."""

import secrets
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from schemas import identity, instant
from schemas.instant import Instant
from services.alerts import cursor
from services.alerts.callers import JSON, must_read
from services.alerts.requests import position_of, range_of
from services.alerts.webhooks import shown, sign
from services.alerts.webhooks.address import BadTarget, target
from services.alerts.webhooks.kinds import TEST, Kind, State
from services.alerts.webhooks.store import (
    TESTS_SECONDS,
    Draft,
    Endpoint,
    Endpoints,
    Filter,
    Replayed,
    TooMany,
    Unfit,
)
from services.runtime.access import Role, principal
from services.runtime.clock import Clock
from services.runtime.problem import FieldError, Problem, Slug, invalid_field
from services.runtime.requests import Query, Validator, read_json
from services.runtime.web import answer

PATH: Final = "/v1/webhooks"
ONE: Final = PATH + "/{id:[^/:]+}"
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
DEFAULT_OVERLAP_SECONDS: Final = 86_400
_SECOND: Final = 1_000_000
_LOG_PARAMETERS: Final = ("limit", "cursor", "from", "to", "state", "type")


class Doors:
    """The handlers, over the tables and whoever delivers."""

    def __init__(
        self,
        endpoints: Endpoints,
        clock: Clock,
        openapi: bytes,
        ring: Callable[[Collection[UUID]], None],
        *,
        loopback: bool,
    ) -> None:
        """`ring` is told where there is something to deliver; `loopback` lets this machine be an endpoint."""
        self._endpoints = endpoints
        self._clock = clock
        self._ring = ring
        self._loopback = loopback
        self._draft = Validator(openapi, "WebhookDraft")
        self._change = Validator(openapi, "WebhookChange")
        self._rotation = Validator(openapi, "Rotation")
        self._replay = Validator(openapi, "Replay")

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; those of actions stand before those of things."""
        return [
            web.post(f"{ONE}:test", self.test),
            web.post(f"{ONE}:rotate", self.rotate),
            web.post(f"{ONE}:replay", self.replay),
            web.get(f"{ONE}/deliveries", self.deliveries, allow_head=False),
            web.get(PATH, self.list, allow_head=False),
            web.post(PATH, self.create),
            web.get(ONE, self.show, allow_head=False),
            web.patch(ONE, self.change),
            web.delete(ONE, self.delete),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """Answer all endpoints of the tenant."""
        tenant = _tenant(request)
        found, as_of = await self._endpoints.all(tenant, self._clock.now())
        rows = [shown.endpoint(one.row, one.secrets) for one in found]
        return answer({"data": rows, "next": None, "as_of": _time(as_of)})

    async def create(self, request: web.Request) -> web.Response:
        """Make an endpoint; its secret is in this answer and never again."""
        tenant = _tenant(request)
        given = await read_json(request, self._draft)
        draft = Draft(
            url=self._url(given["url"]),
            types=sorted(set(given.get("types", ()))),
            names=given.get("names", False),
            description=given.get("description", ""),
            enabled=given.get("enabled", True),
        )
        now = self._clock.now()
        webhook = identity.uuid7(Instant(now), secrets.token_bytes(identity.ENTROPY_BYTES))
        secret = sign.secret(secrets.token_bytes(sign.SECRET_BYTES))
        try:
            made = await self._endpoints.create(tenant, webhook, draft, secret, now)
        except TooMany as error:
            raise Problem(
                Slug.CONFLICT, "This tenant has as many endpoints as it may; delete one."
            ) from error
        headers = {"Location": f"{PATH}/{webhook}"}
        return answer(_with_secret(made, secret), HTTPStatus.CREATED, headers)

    async def show(self, request: web.Request) -> web.Response:
        """Answer one endpoint."""
        found = await self._endpoints.find(_tenant(request), _id(request), self._clock.now())
        return _shown(found)

    async def change(self, request: web.Request) -> web.Response:
        """Change what is given of an endpoint."""
        tenant, webhook = _tenant(request), _id(request)
        given = await read_json(request, self._change)
        draft = Draft(
            url=self._url(given["url"]) if "url" in given else None,
            types=sorted(set(given["types"])) if "types" in given else None,
            names=given.get("names"),
            description=given.get("description"),
            enabled=given.get("enabled"),
        )
        changed = await self._endpoints.change(tenant, webhook, draft, self._clock.now())
        self._ring([webhook])
        return _shown(changed)

    async def delete(self, request: web.Request) -> web.Response:
        """Delete an endpoint with its secrets and its log."""
        if not await self._endpoints.delete(_tenant(request), _id(request)):
            raise _missing()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def rotate(self, request: web.Request) -> web.Response:
        """Make a new secret beside the one in use, which signs for an overlap still."""
        tenant, webhook = _tenant(request), _id(request)
        given = await self._optional(request, self._rotation)
        overlap = given.get("overlap_seconds", DEFAULT_OVERLAP_SECONDS) * _SECOND
        secret = sign.secret(secrets.token_bytes(sign.SECRET_BYTES))
        now = self._clock.now()
        try:
            found = await self._endpoints.rotate(tenant, webhook, secret, overlap, now)
        except TooMany as error:
            raise Problem(
                Slug.CONFLICT, "As many secrets sign as may; wait until an overlap has ended."
            ) from error
        if found is None:
            raise _missing()
        return answer(_with_secret(found, secret))

    async def test(self, request: web.Request) -> web.Response:
        """Make a delivery that says nothing, on the way of all others."""
        tenant, webhook = _tenant(request), _id(request)
        now = self._clock.now()
        identifier = identity.uuid7(Instant(now), secrets.token_bytes(identity.ENTROPY_BYTES))
        try:
            made = await self._endpoints.test(tenant, webhook, identifier, now)
        except TooMany as error:
            raise Problem(
                Slug.UNAVAILABLE,
                "This endpoint was tested often just now.",
                headers={"Retry-After": str(TESTS_SECONDS)},
            ) from error
        except Unfit as error:
            raise Problem(Slug.CONFLICT, str(error)) from error
        if made is None:
            raise _missing()
        self._ring([webhook])
        return answer(shown.delivery(made, now), HTTPStatus.ACCEPTED)

    async def deliveries(self, request: web.Request) -> web.Response:
        """Answer one page of an endpoint's log."""
        tenant, webhook = _tenant(request), _id(request)
        query = Query(request, _LOG_PARAMETERS)
        chosen = Filter(
            within=range_of(query),
            state=query.choice("state", list(State)),
            type=query.choice("type", [*Kind, TEST]),
        )
        limit = query.integer("limit", default=DEFAULT_LIMIT, minimum=1, maximum=MAX_LIMIT)
        begin, end = chosen.within.begin, chosen.within.end
        bound = cursor.binding(tenant, str(webhook), begin, end, chosen.state, chosen.type)
        after = position_of(bound, request)
        found = await self._endpoints.deliveries(tenant, webhook, chosen, after, limit)
        if found is None:
            raise _missing()
        now = self._clock.now()
        return answer(
            {
                "data": [shown.delivery(row, now) for row in found.rows],
                "next": None if found.next is None else cursor.encode(bound, found.next),
                "as_of": _time(found.as_of),
            }
        )

    async def replay(self, request: web.Request) -> web.Response:
        """Make a delivery, or those of a range, due again under the same ids."""
        tenant, webhook = _tenant(request), _id(request)
        given = await read_json(request, self._replay)
        try:
            done = await self._replayed(tenant, webhook, given)
        except Unfit as error:
            raise Problem(Slug.CONFLICT, str(error)) from error
        if done is None:
            raise _missing()
        self._ring([webhook])
        return answer({"replayed": done.number, "next": _time(done.next)}, HTTPStatus.ACCEPTED)

    async def _replayed(self, tenant: str, webhook: UUID, given: dict[str, Any]) -> Replayed | None:
        now = self._clock.now()
        if "delivery_id" in given:
            for name in ("from", "to", "states"):
                if name in given:
                    raise invalid_field(f"/{name}", "It goes with a range, not with one delivery.")
            return await self._endpoints.replay(tenant, webhook, UUID(given["delivery_id"]), now)
        for name in ("from", "to"):
            if name not in given:
                detail = "Give `delivery_id`, or `from` and `to`."
                raise invalid_field(f"/{name}", detail)
        begin, end = (_instant(name, given[name]) for name in ("from", "to"))
        if end < begin:
            raise invalid_field("/to", "It must not be before `from`.")
        states = given.get("states", [State.DEAD])
        return await self._endpoints.replay_range(tenant, webhook, begin, end, states, now)

    async def _optional(self, request: web.Request, validator: Validator) -> dict[str, Any]:
        return await read_json(request, validator) if request.body_exists else {}

    def _url(self, written: str) -> str:
        try:
            return str(target(written, loopback=self._loopback).url)
        except BadTarget as error:
            raise invalid_field("/url", str(error)) from error


def _tenant(request: web.Request) -> str:
    """Return whose webhooks the caller may see and change: a manager's tenant's; others get 403."""
    found = principal(request, Role.MANAGER)
    must_read(request, JSON)
    return found.tenant


def _id(request: web.Request) -> UUID:
    written = request.match_info["id"]
    if not identity.UUID_PATTERN.fullmatch(written):
        raise _missing()
    return UUID(written)


def _missing() -> Problem:
    return Problem(Slug.NOT_FOUND, "The tenant has no such endpoint or delivery.")


def _shown(found: Endpoint | None) -> web.Response:
    if found is None:
        raise _missing()
    return answer(shown.endpoint(found.row, found.secrets))


def _with_secret(found: Endpoint, secret: str) -> dict[str, Any]:
    return shown.endpoint(found.row, found.secrets) | {"secret": secret}


def _instant(name: str, written: str) -> int:
    try:
        return instant.parse(written)
    except ValueError as error:
        fault = FieldError(field=f"/{name}", detail=f"It is {error}.")
        raise Problem(Slug.INVALID_FIELD, fault.detail, errors=[fault]) from error


def _time(moment: int | None) -> str | None:
    return None if moment is None else instant.text(Instant(moment))
