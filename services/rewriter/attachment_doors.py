"""The door that withdraws a followed file: for whoever sends mail, and for the seller whose mail it was."""

import re
from http import HTTPStatus
from typing import Final

from aiohttp import web

from schemas import identity
from schemas.errors import BadIdentity
from services.rewriter import calls
from services.rewriter.filing import Filing
from services.runtime.access import Role
from services.runtime.clock import Clock
from services.runtime.errors import Transient
from services.runtime.problem import Problem, Slug

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)


class AttachmentDoors:
    """`DELETE /v1/mail/{id}/attachments/{index}`."""

    def __init__(self, filing: Filing, clock: Clock) -> None:
        self._filing = filing
        self._clock = clock

    async def withdraw(self, request: web.Request) -> web.Response:
        """Withdraw a file for good; what is unknown and what is somebody else's are answered alike."""
        call = calls.admit(request, Role.SENDER, self._clock, Role.SELLER)
        owner = None if Role.SENDER in call.roles else call.subject
        index = request.match_info["index"]
        try:
            message = identity.message_id(request.match_info["id"])
        except BadIdentity as error:
            raise _not_found() from error
        if not _INDEX.fullmatch(index):
            raise _not_found()
        try:
            found = await self._filing.withdraw(
                call.tenant, message, int(index), call.received_at, owner
            )
        except Transient as error:
            raise calls.unavailable(
                "The file may or may not be withdrawn yet; repeat the call."
            ) from error
        if not found:
            raise _not_found()
        return web.Response(status=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})


def _not_found() -> Problem:
    return Problem(Slug.NOT_FOUND, "You have no followed file of that message and index.")
