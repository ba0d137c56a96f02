"""What a caller may see, said twice: in each statement, and to the row-level security that stands behind it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from services.projector.query.failures import Count, told, uncounted
from services.runtime.access import Role, principal
from services.runtime.postgres import Connection, Pool

# The pool's statements end after 5 s by themselves; this bounds several of them and the wait for a connection.
DEADLINE_SECONDS: Final = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The rows of one tenant; those of one owner, or with none everybody's."""

    tenant: str
    owner: str | None

    def settings(self) -> Mapping[str, str]:
        """Return what row-level security reads in the transaction; an empty owner is a manager's."""
        return {"app.tenant": self.tenant, "app.owner": self.owner or ""}


def scope_of(request: web.Request) -> Scope:
    """Return what the caller may see: a seller the own messages, a manager the tenant's; others get 403."""
    found = principal(request, Role.SELLER)
    everybody = Role.MANAGER in found.roles
    return Scope(tenant=found.tenant, owner=None if everybody else found.subject)


@asynccontextmanager
async def reading(pool: Pool, scope: Scope, count: Count = uncounted) -> AsyncIterator[Connection]:
    """Open one read-only transaction that sees the scope's rows; what fails or takes too long is a ``Problem``."""
    with told(count):
        async with (
            asyncio.timeout(DEADLINE_SECONDS),
            pool.acquire() as connection,
            connection.transaction(scope.settings(), readonly=True),
        ):
            yield connection
