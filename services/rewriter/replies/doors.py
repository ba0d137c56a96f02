"""The door of inbound mail: read, judge, publish, answer. The mail is looked at and let go; nothing keeps its words."""

from typing import Any, Final

from aiohttp import web

from schemas import envelope, instant
from schemas.envelope import Envelope
from schemas.events import Inbound, MessageBounced, ReplyReceived
from schemas.identity import Tenant
from services.rewriter import calls, naming
from services.rewriter.calls import Call
from services.rewriter.metrics import Metrics
from services.rewriter.publish import Announcer
from services.rewriter.records import SOURCE
from services.rewriter.replies import judge
from services.rewriter.replies.judge import Judgement
from services.rewriter.replies.match import Terms
from services.rewriter.settings import Settings
from services.rewriter.tracking import Keys
from services.runtime.access import Role
from services.runtime.clock import Clock
from services.runtime.errors import Transient
from services.runtime.problem import Problem, Slug
from services.runtime.web import answer, read_body

MEDIA: Final = "message/rfc822"


class ReplyDoors:
    """`POST /v1/replies`."""

    def __init__(
        self,
        *,
        keys: Keys,
        tracking_url: str,
        settings: Settings,
        announcer: Announcer,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._keys = keys
        self._tracking_url = tracking_url
        self._settings = settings
        self._announcer = announcer
        self._clock = clock
        self._metrics = metrics

    async def receive(self, request: web.Request) -> web.Response:
        """Answer what an inbound mail is, once what there is to record of it is safe."""
        call = calls.admit(request, Role.SENDER, self._clock)
        if request.content_type != MEDIA:
            raise Problem(Slug.UNSUPPORTED_MEDIA_TYPE, f"This door reads {MEDIA}.")
        raw = await read_body(request)
        if self._settings.healthy():
            raise calls.unavailable("The settings are not known yet.")
        terms = self._terms(call.tenant)
        judgement = judge.judge(raw, terms, call.received_at)
        if judgement.event is not None:
            await self._publish(call, terms, judgement.event, judgement.business_key)
        self._metrics.judged(judgement.outcome, judgement.rule)
        return answer(_shown(judgement))

    async def _publish(self, call: Call, terms: Terms, event: Inbound, business_key: str) -> None:
        around = Envelope(
            id=judge.event_id(event, terms, business_key),
            source=SOURCE,
            tenant=call.tenant,
            occurred_at=call.received_at,
            traceparent=call.traceparent,
        )
        envelope.check(event)
        try:
            await self._announcer.publish(envelope.encode(around, event, call.received_at))
        except Transient as error:
            raise calls.unavailable(
                "Nobody can tell whether the mail was recorded; hand it in again."
            ) from error

    def _terms(self, tenant: Tenant) -> Terms:
        held = self._settings.tenant(tenant)
        hosts = {naming.host_of(self._tracking_url)}
        if held is not None and held.tracking_domain is not None:
            hosts.add(naming.host_of(f"https://{held.tracking_domain}"))
        return Terms(
            tenant=tenant,
            ring=self._keys.tokens,
            recipient_key=self._keys.recipients,
            reply_domain=None if held is None else held.reply_domain,
            hosts=frozenset(hosts),
        )


def _shown(judgement: Judgement) -> dict[str, Any]:
    event, found = judgement.event, judgement.match
    reply = event if isinstance(event, ReplyReceived) else None
    bounce = event if isinstance(event, MessageBounced) else None
    returns_at = None if reply is None else reply.returns_at
    reason = judgement.reason
    return {
        "outcome": judgement.outcome,
        "reason": None if reason is None else {"code": reason, "detail": reason.detail},
        "rule": judgement.rule,
        "message_id": None if found is None else str(found.message_id),
        "matched_by": None if found is None else found.matched_by,
        "ref": None if event is None else event.ref,
        "from_ref": None if reply is None else reply.from_ref,
        "returns_at": None if returns_at is None else instant.text(returns_at),
        "permanent": None if bounce is None else bounce.permanent,
        "status": None if bounce is None else bounce.status,
    }
