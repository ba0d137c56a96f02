"""The doors that take mail: read, decide, make the copies, store files, publish, answer; so nothing is half done."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from schemas import identity
from schemas.identity import MessageId, Tenant
from schemas.settings import FollowPolicy, TenantSet
from schemas.token import Mode
from services.rewriter import answer, calls, instrument, mail, naming, records
from services.rewriter.attachments import FileRules
from services.rewriter.calls import Call
from services.rewriter.faults import BadFields
from services.rewriter.filing import Filing, OtherFile
from services.rewriter.instrument import Keys, Prepared, Rendition, Terms, TooLarge
from services.rewriter.metrics import MailOutcome, Metrics
from services.rewriter.publish import Announcer
from services.rewriter.settings import Settings
from services.runtime.access import Role
from services.runtime.clock import Clock
from services.runtime.errors import Transient
from services.runtime.problem import Problem, Slug
from services.runtime.web import Validator, read_body, read_json
from services.runtime.web import answer as answered

_UNPROCESSABLE: Final = int(HTTPStatus.UNPROCESSABLE_ENTITY)


class MailDoors:
    """`POST /v1/mail` and `POST /v1/mail:preview`."""

    def __init__(
        self,
        *,
        keys: Keys,
        tracking_url: str,
        settings: Settings,
        filing: Filing,
        announcer: Announcer,
        validator: Validator,
        clock: Clock,
        entropy: Callable[[int], bytes],
        metrics: Metrics,
    ) -> None:
        self._keys = keys
        self._tracking_url = tracking_url
        self._settings = settings
        self._filing = filing
        self._announcer = announcer
        self._validator = validator
        self._clock = clock
        self._entropy = entropy
        self._metrics = metrics

    async def follow(self, request: web.Request) -> web.Response:
        """Answer with the followed mail once its files and then its records are safe."""
        call = calls.admit(request, Role.SENDER, self._clock)
        try:
            prepared = await self._prepare(request, call, Mode.FULL)
            copies = await _copies(prepared)
            records_of = records.encode(prepared, call.received_at, call.traceparent)
        except TooLarge as error:
            self._metrics.settle(MailOutcome.REFUSED)
            raise _too_large(error) from error
        except Problem:
            self._metrics.settle(MailOutcome.REFUSED)
            raise
        try:
            if trouble := self._settings.healthy():
                raise Transient(trouble)
            await self._filing.keep(prepared, call.received_at)
            await self._announcer.publish(*records_of)
        except OtherFile as error:
            self._metrics.settle(MailOutcome.REFUSED)
            raise _other_file(error) from error
        except Transient as error:
            return await self._without_records(prepared, error)
        self._metrics.record(prepared)
        return answered(answer.write(prepared, copies), HTTPStatus.CREATED)

    async def preview(self, request: web.Request) -> web.Response:
        """Answer with what would become of the mail; its tokens are served and never recorded."""
        call = calls.admit(request, Role.SENDER, self._clock)
        try:
            prepared = await self._prepare(request, call, Mode.PREVIEW)
            copies = await _copies(prepared)
            records.encode(prepared, call.received_at, call.traceparent)
        except TooLarge as error:
            raise _too_large(error) from error
        if self._settings.healthy():
            raise calls.unavailable("The settings are not known yet.")
        self._metrics.settle(MailOutcome.PREVIEWED)
        return answered(answer.write(prepared, copies))

    async def _prepare(self, request: web.Request, call: Call, mode: Mode) -> Prepared:
        key = calls.idempotency_key(request)
        body = await read_json(request, self._validator)
        try:
            handed_in = mail.read(body)
        except BadFields as bad:
            raise calls.refused(bad) from bad
        message_id = naming.name_message(
            call.tenant,
            handed_in.message_id_header,
            key,
            await read_body(request),
            lambda: self._mint(call),
        )
        return instrument.prepare(
            handed_in,
            message_id,
            self._terms(call.tenant, mode),
            self._keys,
            lambda ref: self._settings.refuses(call.tenant, ref),
        )

    def _mint(self, call: Call) -> MessageId:
        return MessageId(identity.uuid7(call.received_at, self._entropy(identity.ENTROPY_BYTES)))

    def _terms(self, tenant: Tenant, mode: Mode) -> Terms:
        held = self._settings.tenant(tenant)
        domain = None if held is None else held.tracking_domain
        url = self._tracking_url if domain is None else f"https://{domain}"
        return Terms(
            tenant=tenant,
            engagement=held is None or held.engagement,
            policy=FollowPolicy.RECIPIENT if held is None else held.policy,
            tracking_url=url,
            own_urls=(url, self._tracking_url),
            mode=mode,
            reply_domain=None if held is None else held.reply_domain,
            files=FileRules() if held is None else _rules(held),
        )

    async def _without_records(self, prepared: Prepared, error: Transient) -> web.Response:
        """Refuse, or hand the mail back untouched where the caller would rather send it than wait."""
        if not prepared.mail.passes_unavailable:
            self._metrics.settle(MailOutcome.REFUSED_UNAVAILABLE)
            raise calls.unavailable(
                "The mail and its files cannot be kept at the moment, so it is not followed; repeat the call."
            ) from error
        self._metrics.settle(MailOutcome.PASSED_UNAVAILABLE)
        untouched = instrument.unavailable(prepared)
        return answered(answer.write(untouched, await _copies(untouched)), HTTPStatus.CREATED)


async def _copies(prepared: Prepared) -> list[Rendition]:
    """Make all copies, letting others have the loop between them: there may be hundreds."""
    made = []
    for one in instrument.renditions(prepared):
        made.append(one)
        await asyncio.sleep(0)
    return made


def _rules(tenant: TenantSet) -> FileRules:
    return FileRules(
        max_bytes=tenant.max_file_bytes,
        forbidden_types=tenant.forbidden_file_types,
        days=tenant.file_days,
    )


def _other_file(error: OtherFile) -> Problem:
    return Problem(
        Slug.CONFLICT,
        "A mail with this Message-ID was handed in before with another file at this place.",
        field=f"/attachments/{error.index}",
    )


def _too_large(error: TooLarge) -> Problem:
    return Problem(Slug.TOO_LARGE, error.detail, field=error.field, status=_UNPROCESSABLE)
