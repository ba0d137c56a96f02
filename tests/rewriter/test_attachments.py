from services.rewriter import attachments
from services.rewriter.attachments import AttachmentReason
from services.rewriter.follow import FollowReason
from tests.rewriter.given import a_mail

FILES = a_mail(
    attachments=[
        {"name": "a", "content": ""},
        {"name": "b", "content": "", "followed": True},
    ]
).attachments


def test_every_file_stays_attached_and_it_is_said_why() -> None:
    assert attachments.decide(FILES, None) == (
        AttachmentReason.NOT_REQUESTED,
        AttachmentReason.UNAVAILABLE,
    )
    assert attachments.decide(FILES, FollowReason.ENGAGEMENT_OFF) == (
        AttachmentReason.NOT_REQUESTED,
        FollowReason.ENGAGEMENT_OFF,
    )
    assert all(reason.detail.endswith(".") for reason in AttachmentReason)
