"""The corpus, mail by mail: what each must be judged to be. `corpus/README.md` says where the shapes come from."""

import pytest

from schemas import envelope, instant
from schemas.events import MessageBounced, MessageComplained, ReplyAuthor, ReplyKind, ReplyReceived
from services.rewriter.replies.judge import Judgement
from tests.rewriter.given import MESSAGE
from tests.rewriter.replies.samples import CALLERS, FOLDER, PERSON, SENDER, TERMS, judged, sample

# A person's: how the message was found.
REPLIES = {
    "apple_mail_reply": "message_id_token",
    "assistant_answers": "address_token",
    "foxmail_references_only": "references",
    "gmail_reply": "message_id_token",
    "gmail_reply_to_token": "address_token",
    "gmx_reply": "message_id_token",
    "icloud_iphone_reply": "in_reply_to",
    "japanese_reply": "message_id_token",
    "notes_reply": "message_id_token",
    "outlook_mobile_reply": "message_id_token",
    "outlook_reply": "in_reply_to",
    "person_answers_an_automatic_reply": "message_id_token",
    "pgp_encrypted_reply": "message_id_token",
    "roundcube_upper_case": "address_token",
    "russian_reply": "in_reply_to",
    "second_reply_to_own": "references",
    "second_reply_token_in_thread": "message_id_token",
    "sender_follows_up": "message_id_token",
    "smime_signed_reply": "message_id_token",
    "thunderbird_reply": "message_id_token",
    "yahoo_reply": "in_reply_to",
    "zimbra_reply": "in_reply_to",
}
# A machine's: by which rule, and when its author says to be back.
AUTOMATIC = {
    "chinese_oof": ("subject", "2026-08-10"),
    "cpanel_autoresponder": ("autoreply_header", None),
    "delivered_to_autoresponder": ("autoresponder", None),
    "english_oof_two_readings": ("auto_submitted", None),
    "exchange_oof": ("auto_submitted", "2026-08-03"),
    "exchange_oof_html": ("auto_submitted", "2026-08-03"),
    "exchange_oof_no_headers": ("subject", "2026-08-12"),
    "firstclass_autoresponder": ("autoreply_header", None),
    "french_oof": ("subject", "2026-09-01"),
    "gmail_vacation": ("auto_submitted", "2026-08-03"),
    "gmx_absence_to_token": ("auto_submitted", "2026-07-31"),
    "groupwise_rule": ("post_message_class", None),
    "italian_oof": ("subject", "2026-08-24"),
    "japanese_oof": ("subject", "2026-08-10"),
    "mailing_list_post": ("mailing_list", None),
    "notes_out_of_office": ("subject", "2026-08-10"),
    "otrs_ticket": ("auto_submitted", None),
    "polish_oof": ("subject", "2026-08-07"),
    "portuguese_oof": ("subject", "2026-08-03"),
    "precedence_auto_reply": ("precedence", None),
    "sieve_vacation": ("auto_submitted", "2026-08-17"),
    "spanish_oof": ("subject", "2026-08-15"),
    "vacation_program": ("auto_submitted", None),
    "zendesk_ticket": ("auto_submitted", None),
    "zimbra_out_of_office": ("auto_submitted", "2026-08-17"),
}
# A mail server's: by which rule, how the message was found, whether for good, with which status.
BOUNCES = {
    "dsn_of_two_recipients": ("delivery_status", "message_id_token", True, "5.1.1"),
    "dsn_without_action": ("delivery_status", "message_id_token", True, "5.0.0"),
    "exchange_ndr_german": ("delivery_status", "returned_message", True, "5.2.2"),
    "exim_bounce": ("bounce_text", "message_id_token", True, "5.1.1"),
    "exim_delayed": ("bounce_text", "message_id_token", False, None),
    "gmail_bounce": ("delivery_status", "message_id_token", True, "5.1.1"),
    "office365_ndr": ("delivery_status", "message_id_token", True, "5.1.10"),
    "postfix_bounce": ("delivery_status", "message_id_token", True, "5.1.1"),
    "postfix_delayed": ("delivery_status", "message_id_token", False, "4.4.1"),
    "qmail_bounce": ("bounce_text", "returned_message", True, "5.1.1"),
    "sendmail_bounce": ("delivery_status", "returned_message", True, "5.7.1"),
    "ses_bounce": ("delivery_status", "address_token", True, "5.4.300"),
    "verp_bounce_without_original": ("delivery_status", "address_token", True, "5.1.2"),
}
COMPLAINTS = {
    "arf_complaint": ("message_id_token", PERSON),
    "arf_complaint_redacted": ("returned_message", None),
}
# Nothing is recorded of these: what they are, and why nothing.
OTHERS = {
    "arf_not_spam": ("ignored", "not_spam"),
    "bounce_of_unknown_mail": ("unmatched", "no_message"),
    "dsn_delivered": ("ignored", "receipt"),
    "fresh_mail": ("unmatched", "no_message"),
    "gmail_forward": ("ignored", "forward"),
    "newsletter": ("unmatched", "no_message"),
    "outlook_forward_german": ("ignored", "forward"),
    "read_receipt": ("ignored", "receipt"),
    "redirected_own_mail": ("ignored", "own_mail"),
}
# Who wrote what li did not write.
FOREIGN = {
    "assistant_answers": TERMS.ref("assistant@customer.example"),
    "mailing_list_post": TERMS.ref("buyers@lists.customer.example"),
    "otrs_ticket": TERMS.ref("helpdesk@customer.example"),
    "sender_follows_up": SENDER,
    "zendesk_ticket": TERMS.ref("support@customer.example"),
}
BY_CALLERS_ID = {"in_reply_to", "references", "returned_message"}


def held(judgement: Judgement) -> Judgement:
    """Assert what holds of everything that is recorded."""
    found, event = judgement.match, judgement.event
    assert found is not None
    assert event is not None
    assert found.message_id == (CALLERS if found.matched_by in BY_CALLERS_ID else MESSAGE)
    assert event.message_id == found.message_id
    assert event.rule == judgement.rule
    assert judgement.reason is None
    envelope.check(event)
    return judgement


def test_every_mail_has_its_verdict_and_there_are_enough() -> None:
    told = [*REPLIES, *AUTOMATIC, *BOUNCES, *COMPLAINTS, *OTHERS]
    assert sorted(told) == sorted(path.stem for path in FOLDER.glob("*.eml"))
    assert len(told) >= 40


@pytest.mark.parametrize("name", REPLIES)
def test_a_persons_reply(name: str) -> None:
    judgement = held(judged(sample(name)))
    event = judgement.event
    assert isinstance(event, ReplyReceived)
    assert (judgement.outcome, judgement.rule) == ("reply", REPLIES[name])
    assert (event.kind, event.returns_at) == (ReplyKind.HUMAN, None)
    assert event.from_ref == FOREIGN.get(name, PERSON)
    assert event.ref == (PERSON if REPLIES[name] == "address_token" else None)
    sure = event.ref == event.from_ref
    assert event.author is (ReplyAuthor.RECIPIENT if sure else ReplyAuthor.OTHER)


@pytest.mark.parametrize("name", AUTOMATIC)
def test_an_automatic_reply(name: str) -> None:
    judgement = held(judged(sample(name)))
    event = judgement.event
    assert isinstance(event, ReplyReceived)
    back = None if event.returns_at is None else instant.text(event.returns_at)
    rule, day = AUTOMATIC[name]
    assert (judgement.outcome, judgement.rule) == ("automatic", rule)
    assert (event.kind, back) == (ReplyKind.AUTOMATIC, day and f"{day}T00:00:00.000000Z")
    assert event.from_ref == FOREIGN.get(name, PERSON)


@pytest.mark.parametrize("name", BOUNCES)
def test_a_bounce(name: str) -> None:
    judgement = held(judged(sample(name)))
    event = judgement.event
    assert isinstance(event, MessageBounced)
    assert judgement.match is not None
    told = (judgement.rule, judgement.match.matched_by, event.permanent, event.status)
    assert (judgement.outcome, told) == ("bounce", BOUNCES[name])
    assert event.ref == PERSON


@pytest.mark.parametrize("name", COMPLAINTS)
def test_a_complaint(name: str) -> None:
    judgement = held(judged(sample(name)))
    event = judgement.event
    assert isinstance(event, MessageComplained)
    assert judgement.match is not None
    assert (judgement.outcome, judgement.rule) == ("complaint", "feedback_report")
    assert (judgement.match.matched_by, event.ref) == COMPLAINTS[name]


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_recorded(name: str) -> None:
    judgement = judged(sample(name))
    assert (judgement.outcome, judgement.reason) == OTHERS[name]
    assert judgement.event is None


@pytest.mark.parametrize("name", sorted({*REPLIES, *AUTOMATIC, *BOUNCES, *COMPLAINTS}))
def test_line_ends_change_nothing(name: str) -> None:
    unix = sample(name).replace(b"\r\n", b"\n")
    assert (
        judged(unix).event
        == judged(unix.replace(b"\n", b"\r\n")).event
        == judged(sample(name)).event
    )
