"""Every mail of the corpus through the door, in each form, under every option: an answer always."""

from pathlib import Path

import pytest

from tests.rewriter.given import Rewriter, a_rewriter

CORPUS = Path(__file__).parent / "corpus" / "mail"
MAILS = sorted(CORPUS.glob("*.eml"))
FORMS = ("application/json", "message/rfc822", "multipart/mixed")
OPTIONS = (
    b"Inkling-Owner: ana\r\nInkling-Follow-Attachments: all\r\nInkling-Host-Pictures: yes\r\n"
    b"Inkling-Recipients: li@customer.example; kind=contact; field=bcc\r\n"
)
CHOSEN = {
    "text_links": True,
    "canary": True,
    "follow_bcc": True,
    "follow_unsubscribe": True,
    "pixel_position": "start",
    "reply_domain": "reply.demo.example",
}


async def hand_in(rewriter: Rewriter, raw: bytes, form: str, key: str) -> int:
    at = raw.index(b"\n") + 1 if raw.startswith(b"From ") else 0
    sent = {"Content-Type": "message/rfc822", "Accept": form, "Idempotency-Key": key}
    call = ("POST", "/v1/mail", "sender")
    answer = await rewriter.call(*call, data=raw[:at] + OPTIONS + raw[at:], headers=sent)
    return answer.status


async def test_any_mail_is_answered_in_any_form() -> None:
    async with a_rewriter() as rewriter:
        chosen = await rewriter.call("PUT", "/v1/tenant", "admin", json=CHOSEN)
        assert chosen.status == 200
        for path in MAILS:
            for form in FORMS:
                status = await hand_in(rewriter, path.read_bytes(), form, path.stem)
                assert status in (201, 400, 406), (path.stem, form)


@pytest.mark.parametrize("form", FORMS)
async def test_a_long_address_in_the_text_is_answered_too(form: str) -> None:
    raw = (
        b"From: a@demo.example\r\nTo: li@customer.example\r\n\r\nhttps://x.example/" + b"a" * 1_500
    )
    async with a_rewriter() as rewriter:
        await rewriter.call("PUT", "/v1/tenant", "admin", json=CHOSEN)
        assert await hand_in(rewriter, raw, form, "k") == 201
