"""The doors that take mail: read, decide, make the copies, store files, publish, answer; so nothing is half done."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final, TypeVar

from aiohttp import web

from schemas import identity
from schemas.identity import MessageId, Tenant
from schemas.settings import FollowPolicy, PixelPosition, TenantSet
from schemas.token import Mode
from services.rewriter import calls, forms, instrument, mail, naming, records
from services.rewriter import submission as submissions
from services.rewriter.attachments import FileRules
from services.rewriter.calls import Call
from services.rewriter.directory import people
from services.rewriter.directory.directory import Away, Directory
from services.rewriter.faults import BadFields, Fault
from services.rewriter.filing import Filing, OtherFile
from services.rewriter.instrument import Prepared, TooLarge
from services.rewriter.mail import Mail
from services.rewriter.metrics import MailOutcome, Metrics, Tally
from services.rewriter.mime import steps
from services.rewriter.publish import Announcer
from services.rewriter.settings import Settings
from services.rewriter.tracking import Keys, Terms
from services.runtime.access import Role
from services.runtime.clock import Clock
from services.runtime.errors import Transient
from services.runtime.problem import Problem, Slug
from services.runtime.web import Validator, parse, read_body

T = TypeVar("T")
# A newsletter of usual size takes a millisecond; to hand it to a thread would cost half of that.
_LARGE_BYTES: Final = 128 * 1024
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
        directory: Directory | None = None,
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
        self._directory = directory

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Answer with the followed mail once its files and then its records are safe."""
        call, form = self._enter(request)
        try:
            prepared = await self._prepare(request, call, Mode.FULL)
            forms.check(form, prepared)
            answer = await forms.rehearse(form, prepared)
            records_of = records.encode(prepared, call.received_at, call.traceparent)
            tally = Tally.of(prepared)
        except TooLarge as error:
            self._metrics.settle(MailOutcome.REFUSED)
            raise _too_large(error) from error
        except Problem:
            self._metrics.settle(MailOutcome.REFUSED)
            raise
        handed_in, named, terms = prepared.mail, prepared.message_id, prepared.terms
        try:
            if trouble := self._settings.healthy() or self._undecided(handed_in):
                raise Transient(trouble)
            await self._filing.keep(prepared, call.received_at)
            # Hundreds may wait for Kafka: of each only the answer stays, and what it is made anew from otherwise.
            del prepared
            await self._announcer.publish(*records_of)
        except OtherFile as error:
            self._metrics.settle(MailOutcome.REFUSED)
            raise _other_file(error) from error
        except Transient as error:
            again = partial(self._decide, handed_in, named, terms)
            return await self._without_records(request, handed_in, again, form, error)
        self._metrics.record(tally)
        return await answer(HTTPStatus.CREATED)

    async def preview(self, request: web.Request) -> web.StreamResponse:
        """Answer with what would become of the mail; its tokens are served and never recorded."""
        call, form = self._enter(request)
        try:
            prepared = await self._prepare(request, call, Mode.PREVIEW)
            records.encode(prepared, call.received_at, call.traceparent)
        except TooLarge as error:
            raise _too_large(error) from error
        forms.check(form, prepared)
        if self._settings.healthy():
            raise calls.unavailable("The settings are not known yet.")
        if self._undecided(prepared.mail):
            raise calls.unavailable("The directory does not say at the moment who is what.")
        self._metrics.settle(MailOutcome.PREVIEWED)
        answer = await forms.rehearse(form, prepared)
        return await answer(HTTPStatus.OK)

    def _enter(self, request: web.Request) -> tuple[Call, str]:
        call = calls.enter(request, Role.SENDER, self._clock)
        form = calls.preferred(request.headers.getall("Accept", ()), forms.FORMS)
        if form is None:
            raise Problem(Slug.NOT_ACCEPTABLE, f"This door answers {', '.join(forms.FORMS)}.")
        return call, form

    async def _prepare(self, request: web.Request, call: Call, mode: Mode) -> Prepared:
        key = calls.idempotency_key(request)
        if request.content_type not in (calls.JSON, forms.MIME):
            detail = f"This door reads {calls.JSON} and {forms.MIME}."
            raise Problem(Slug.UNSUPPORTED_MEDIA_TYPE, detail)
        body = await read_body(request)
        handed_in = await self._read(request.content_type, body)
        terms = self._terms(call.tenant, mode)
        handed_in = await self._named(handed_in, terms)
        message_id = naming.name_message(
            call.tenant, handed_in.message_id_header, key, body, lambda: self._mint(call)
        )
        return await _in_thread_if_large(body, partial(self._decide, handed_in, message_id, terms))

    def _decide(self, handed_in: Mail, message_id: MessageId, terms: Terms) -> Prepared:
        refuses = partial(self._settings.refuses, terms.tenant)
        return instrument.prepare(handed_in, message_id, terms, self._keys, refuses)

    async def _read(self, media: str, body: bytes) -> Mail:
        if media == forms.MIME:
            return await self._read_mime(body)
        return await _in_thread_if_large(body, partial(self._read_json, body))

    def _read_json(self, body: bytes) -> Mail:
        try:
            return mail.read(parse(body, self._validator))
        except BadFields as bad:
            raise calls.refused(bad) from bad

    async def _read_mime(self, raw: bytes) -> Mail:
        """Read a mail in steps, and hold its headers to what the document says of a JSON body's fields."""
        document = await forms.paced(steps.reading(raw))
        submission = await _in_thread_if_large(raw, partial(submissions.read, document))
        found = [
            replace(one, field=submission.header_of(one.field))
            for one in self._validator.errors(submission.body)
        ]
        if found:
            faults = [Fault(field=one.field, detail=one.detail) for one in found]
            raise calls.refused(
                BadFields([*submission.options.faults, *faults]), HTTPStatus.BAD_REQUEST
            )
        try:
            return submission.mail()
        except BadFields as bad:
            raise calls.refused(bad, HTTPStatus.BAD_REQUEST) from bad

    async def _named(self, handed_in: Mail, terms: Terms) -> Mail:
        """Ask the directory about those whose kind the call leaves out, if it is there and following depends on it."""
        if self._directory is None or not (handed_in.follow and terms.engagement):
            return handed_in
        unnamed = people.unnamed(handed_in)
        if not unnamed:
            return handed_in
        return people.complete(handed_in, await self._directory.look_up(terms.tenant, unnamed))

    def _undecided(self, handed_in: Mail) -> str | None:
        """Say that a mail must wait for the directory, where the operator has it wait."""
        waits = self._directory is not None and self._directory.away is Away.UNAVAILABLE
        unknown = any(one.kind_unknown for one in handed_in.recipients)
        return "directory: away" if waits and unknown else None

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
            pixel_position=PixelPosition.END if held is None else held.pixel_position,
            canary=held is not None and held.canary,
            text_links=held is not None and held.text_links,
            follow_bcc=held is not None and held.follow_bcc,
            excluded_domains=() if held is None else held.excluded_domains,
            follow_unsubscribe=held is not None and held.follow_unsubscribe,
        )

    async def _without_records(
        self,
        request: web.Request,
        handed_in: Mail,
        again: Callable[[], Prepared],
        form: str,
        error: Transient,
    ) -> web.StreamResponse:
        """Refuse, or hand the mail back untouched where the caller would rather send it than wait."""
        if not handed_in.passes_unavailable:
            self._metrics.settle(MailOutcome.REFUSED_UNAVAILABLE)
            detail = (
                "The directory does not say at the moment who is what, so the mail is not followed; repeat the call."
                if self._undecided(handed_in)
                else "The mail and its files cannot be kept at the moment, so it is not followed; repeat the call."
            )
            raise calls.unavailable(detail) from error
        self._metrics.settle(MailOutcome.PASSED_UNAVAILABLE)
        prepared = await _in_thread_if_large(await read_body(request), again)
        answer = await forms.rehearse(form, instrument.unavailable(prepared))
        return await answer(HTTPStatus.CREATED)


async def _in_thread_if_large(body: bytes, work: Callable[[], T]) -> T:
    """Do what takes time with a large body, so that others have the loop meanwhile."""
    return await asyncio.to_thread(work) if len(body) > _LARGE_BYTES else work()


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
