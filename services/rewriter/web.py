"""The rewriter's public door: which path is answered by whom."""

from importlib.resources import files
from typing import Final

from aiohttp import web

from services.rewriter.attachment_doors import AttachmentDoors
from services.rewriter.mail_doors import MailDoors
from services.rewriter.replies.doors import ReplyDoors
from services.rewriter.setting_doors import SettingDoors
from services.runtime.access import Verifier
from services.runtime.web import RequestMetrics, application

MAX_BODY_BYTES: Final = 30 * 1024 * 1024


def openapi() -> bytes:
    """Read the document that the door serves and checks bodies against."""
    return files("services.rewriter").joinpath("openapi.json").read_bytes()


def public_application(
    mail: MailDoors,
    attachments: AttachmentDoors,
    replies: ReplyDoors,
    settings: SettingDoors,
    document: bytes,
    verifier: Verifier,
    metrics: RequestMetrics,
) -> web.Application:
    """Build the application of the public door."""
    routes = [
        web.post("/v1/mail", mail.follow),
        web.post("/v1/mail:preview", mail.preview),
        web.delete("/v1/mail/{id}/attachments/{index}", attachments.withdraw),
        web.post("/v1/replies", replies.receive),
        web.get("/v1/preferences/{address}", settings.get_preference, allow_head=False),
        web.put("/v1/preferences/{address}", settings.put_preference),
        web.get("/v1/tenant", settings.get_tenant, allow_head=False),
        web.put("/v1/tenant", settings.put_tenant),
    ]
    return application(
        routes,
        openapi=document,
        verifier=verifier,
        max_body_bytes=MAX_BODY_BYTES,
        metrics=metrics,
    )
