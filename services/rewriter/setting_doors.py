"""The doors of settings: a setting goes into the log, and the answer waits until this process has read it back."""

from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from schemas import envelope, identity, instant
from schemas.envelope import Envelope
from schemas.identity import RecipientRef, Tenant
from schemas.settings import Follow, PreferenceSet, TenantSet
from services.rewriter import calls, tenants
from services.rewriter.calls import Call
from services.rewriter.faults import BadFields
from services.rewriter.metrics import Metrics, SettingDoor
from services.rewriter.publish import Announcer
from services.rewriter.records import SOURCE
from services.rewriter.settings import Settings
from services.runtime.access import Role
from services.runtime.clock import Clock
from services.runtime.errors import Transient
from services.runtime.problem import invalid_parameter
from services.runtime.web import Validator, answer, read_json

READ_BACK_SECONDS: Final = 5.0


class SettingDoors:
    """`GET` and `PUT` of `/v1/preferences/{address}` and `/v1/tenant`."""

    def __init__(
        self,
        *,
        recipient_key: bytes,
        settings: Settings,
        announcer: Announcer,
        openapi: bytes,
        clock: Clock,
        entropy: Callable[[int], bytes],
        metrics: Metrics,
    ) -> None:
        self._recipient_key = recipient_key
        self._settings = settings
        self._announcer = announcer
        self._address = Validator(openapi, "Address")
        self._preference = Validator(openapi, "PreferenceChange")
        self._tenant = Validator(openapi, "TenantChange")
        self._clock = clock
        self._entropy = entropy
        self._metrics = metrics

    async def get_preference(self, request: web.Request) -> web.Response:
        """Answer whether a recipient allows following."""
        call = calls.admit(request, Role.SELLER, self._clock)
        ref = self._ref(request, call.tenant)
        self._demand_settings()
        return answer(self._show_preference(call.tenant, ref))

    async def put_preference(self, request: web.Request) -> web.Response:
        """Set whether a recipient allows following."""
        call = calls.admit(request, Role.SELLER, self._clock)
        ref = self._ref(request, call.tenant)
        body = await read_json(request, self._preference)
        event = PreferenceSet(
            ref=ref, follow=Follow(body["follow"]), since=call.received_at, by=call.subject
        )
        await self._put(call, event, SettingDoor.PREFERENCE)
        return answer(self._show_preference(call.tenant, ref))

    async def get_tenant(self, request: web.Request) -> web.Response:
        """Answer with the tenant's settings."""
        call = calls.admit(request, Role.ADMIN, self._clock)
        self._demand_settings()
        return answer(tenants.write(self._settings.tenant(call.tenant)))

    async def put_tenant(self, request: web.Request) -> web.Response:
        """Replace the tenant's settings."""
        call = calls.admit(request, Role.ADMIN, self._clock)
        body = await read_json(request, self._tenant)
        try:
            event = tenants.read(body, call.received_at, call.subject)
        except BadFields as bad:
            raise calls.refused(bad) from bad
        await self._put(call, event, SettingDoor.TENANT)
        return answer(tenants.write(self._settings.tenant(call.tenant)))

    def _ref(self, request: web.Request, tenant: Tenant) -> RecipientRef:
        address = request.match_info["address"]
        if self._address.errors(address):
            raise invalid_parameter("address", "It must be a mail address, percent-encoded.")
        return identity.recipient_ref(self._recipient_key, tenant, address)

    def _demand_settings(self) -> None:
        if self._settings.healthy():
            raise calls.unavailable("The settings are not known yet.")

    async def _put(self, call: Call, event: PreferenceSet | TenantSet, kind: SettingDoor) -> None:
        """Publish a setting and wait until it was read back; what the log holds then is what holds."""
        self._demand_settings()
        around = Envelope(
            id=identity.uuid7(call.received_at, self._entropy(identity.ENTROPY_BYTES)),
            source=SOURCE,
            tenant=call.tenant,
            occurred_at=call.received_at,
            traceparent=call.traceparent,
        )
        envelope.check(event)
        try:
            (acknowledged,) = await self._announcer.publish(
                envelope.encode(around, event, call.received_at)
            )
            await self._settings.reached(acknowledged.offset, READ_BACK_SECONDS)
        except Transient as error:
            raise calls.unavailable(
                "Nobody can tell whether the setting was stored; repeat the call."
            ) from error
        self._metrics.put(kind)

    def _show_preference(self, tenant: Tenant, ref: RecipientRef) -> dict[str, Any]:
        held = self._settings.preference(tenant, ref)
        return {
            "ref": ref,
            "follow": Follow.ALLOW if held is None else held.follow,
            "since": None if held is None else instant.text(held.since),
            "by": None if held is None else held.by,
        }
