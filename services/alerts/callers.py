"""Who asks: what they may see, what they can read, and until when their token holds."""

from typing import Final

import jwt
from aiohttp import web

from services.alerts.store import Scope
from services.runtime.access import Role, principal
from services.runtime.problem import Problem, Slug

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"


def scope_of(request: web.Request) -> Scope:
    """Return what the caller may see: a seller the own alerts, a manager the tenant's; others get 403."""
    found = principal(request, Role.SELLER)
    everybody = Role.MANAGER in found.roles
    return Scope(tenant=found.tenant, owner=None if everybody else found.subject)


def must_read(request: web.Request, form: str) -> None:
    """Raise `Problem` 406 when the caller does not take answers of this form."""
    accepted = request.headers.get("Accept", "*/*").lower().split(",")
    kind = form.partition("/")[0]
    if not {one.partition(";")[0].strip() for one in accepted} & {form, f"{kind}/*", "*/*"}:
        raise Problem(Slug.NOT_ACCEPTABLE, f"This door answers {form}.")


def expiry_of(request: web.Request) -> float:
    """Return when the token of an authenticated request expires, in seconds since the epoch."""
    token = request.headers["Authorization"].partition(" ")[2].strip()
    # Its signature and claims were verified before the door was opened.
    claims = jwt.decode(token, options={"verify_signature": False})
    return float(claims["exp"])
