import pytest

from services.rewriter.replies import automatic, parse
from services.rewriter.replies.automatic import Automatic


def judge(*fields: str) -> Automatic | None:
    mail = parse.read("\n".join(["From: Li <li@c.example>", *fields, "", "Yes."]).encode())
    assert mail is not None
    return automatic.judge(mail)


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("Auto-Submitted: auto-replied", Automatic.AUTO_SUBMITTED),
        ("Auto-Submitted: auto-generated; owner-token=x", Automatic.AUTO_SUBMITTED),
        ("auto-submitted: Auto-Notified (by us)", Automatic.AUTO_SUBMITTED),
        ("X-Autoreply: yes", Automatic.AUTOREPLY_HEADER),
        ("X-Autorespond:", Automatic.AUTOREPLY_HEADER),
        ("X-AutoReply-From: li@c.example", Automatic.AUTOREPLY_HEADER),
        ("X-Mail-Autoreply: 1", Automatic.AUTOREPLY_HEADER),
        ("X-FC-MachineGenerated: true", Automatic.AUTOREPLY_HEADER),
        ("X-POST-MessageClass: 9; Autoresponder", Automatic.POST_MESSAGE_CLASS),
        ("Delivered-To: Autoresponder", Automatic.AUTORESPONDER),
        ("Precedence: auto_reply", Automatic.PRECEDENCE),
        ("X-Precedence: Auto_Reply", Automatic.PRECEDENCE),
        ("List-Id: <l.example>", Automatic.MAILING_LIST),
        ("List-Unsubscribe: <mailto:x@y>", Automatic.MAILING_LIST),
        ("Feedback-ID: a:b:c", Automatic.MAILING_LIST),
        ("Return-Path: <>", Automatic.NULL_RETURN_PATH),
        ("Return-Path: < >", Automatic.NULL_RETURN_PATH),
        ("Subject: =?utf-8?q?Automatic_reply=3A_x?=", Automatic.SUBJECT),
    ],
)
def test_each_sign_of_a_machine_is_a_rule(field: str, rule: Automatic) -> None:
    assert judge(field) is rule


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: no",
        "Auto-Submitted: No (a person)",
        "Auto-Submitted:",
        "X-Autoreply: no",
        "Precedence: bulk",
        "Precedence: list",
        "X-Auto-Response-Suppress: All",
        "Return-Path: <li@c.example>",
        "X-POST-MessageClass: 9",
        "Subject: Re: Automatic reply: x",
    ],
)
def test_what_proves_nothing_is_a_persons(field: str) -> None:
    assert judge(field) is None


def test_a_daemons_mail_is_a_machines() -> None:
    for author in (
        "MAILER-DAEMON@c.example",
        "postmaster@c.example",
        "Mailer-Daemon <x@c.example>",
    ):
        mail = parse.read(f"From: {author}\n\nx".encode())
        assert mail is not None
        assert automatic.judge(mail) is Automatic.DAEMON


def test_of_several_signs_the_first_rule_speaks() -> None:
    assert judge("Return-Path: <>", "Auto-Submitted: auto-replied") is Automatic.AUTO_SUBMITTED
