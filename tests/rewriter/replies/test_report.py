import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.replies import parse, report
from services.rewriter.replies.report import Report, Reported, Rule

REPORT = (
    "From: MAILER-DAEMON@x.example\nContent-Type: multipart/report; boundary=b\n\n--b\n{}\n--b--\n"
)


def read(raw: str) -> Reported | None:
    mail = parse.read(raw.encode())
    assert mail is not None
    return report.read(mail)


def status(*blocks: str) -> Reported:
    body = "Reporting-MTA: dns; x\n\n" + "\n\n".join(blocks) + "\n"
    found = read(REPORT.format(f"Content-Type: message/delivery-status\n\n{body}"))
    assert found is not None
    return found


def block(action: str, code: str = "", recipient: str = "rfc822; li@c.example") -> str:
    return f"Final-Recipient: {recipient}\nAction: {action}\nStatus: {code}"


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("failed", Report.FAILED),
        ("FAILED (really)", Report.FAILED),
        ("Error", Report.FAILED),
        ("delayed", Report.DELAYED),
        ("delivered", Report.RECEIPT),
        ("relayed", Report.RECEIPT),
        ("expanded", Report.RECEIPT),
    ],
)
def test_the_action_says_what_became_of_a_mail(action: str, expected: Report) -> None:
    found = status(block(action))
    assert (found.report, found.rule) == (expected, Rule.DELIVERY_STATUS)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("5.1.1", Report.FAILED), ("4.4.1", Report.DELAYED), ("2.0.0", Report.RECEIPT)],
)
def test_without_an_action_the_class_of_the_status_says_it(code: str, expected: Report) -> None:
    assert status(f"Final-Recipient: rfc822; li@c.example\nStatus: {code}").report is expected
    assert status("Final-Recipient: rfc822; li@c.example").report is Report.RECEIPT


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("rfc822; li@c.example", "li@c.example"),
        ("RFC822;<li@c.example>", "li@c.example"),
        ("li@c.example", "li@c.example"),
        ("x400; /C=de/", None),
        ("", None),
    ],
)
def test_the_recipient_is_an_address_or_nobody(written: str, expected: str | None) -> None:
    assert status(block("failed", recipient=written)).recipient == expected


def test_the_original_recipient_is_the_one_we_wrote_to() -> None:
    found = status(
        "Original-Recipient: rfc822; li@c.example\n"
        + block("failed", "5.1.1", "rfc822; x@y.example")
    )
    assert (found.recipient, found.status) == ("li@c.example", "5.1.1")


def test_of_several_recipients_the_lost_ones_count_and_none_is_named() -> None:
    found = status(block("delayed", "4.2.2", "rfc822; a@c.example"), block("failed", "5.1.1"))
    assert (found.report, found.status, found.recipient) == (Report.FAILED, "5.1.1", "li@c.example")
    found = status(block("failed", "5.2.2", "rfc822; a@c.example"), block("failed", "5.1.1"))
    assert (found.status, found.recipient) == ("5.2.2", None)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Status: 5.1.1 (no such user)", "5.1.1"),
        ("Diagnostic-Code: smtp; 550 5.7.26 Unauthenticated", "5.7.26"),
        ("Diagnostic-Code: smtp; 550 192.0.2.5.1.1 x", None),
        ("Status: 9.9.9", None),
    ],
)
def test_the_status_is_read_where_there_is_one(field: str, expected: str | None) -> None:
    assert status(f"Action: failed\n{field}").status == expected


def test_a_bounce_in_words_needs_a_sign_besides() -> None:
    words = (
        "This message was created automatically by mail delivery software.\n\n"
        "A message that you sent could not be delivered:\n<li@c.example>\n---\n"
    )
    assert read(f"From: li@c.example\nSubject: Re: x\n\n{words}") is None
    for sign in (
        "From: MAILER-DAEMON@x.example",
        "X-Failed-Recipients: li@c.example",
        "Subject: Mail delivery failed",
    ):
        found = read(f"{sign}\nDate: x\n\n{words}\nMessage-ID: <offer-1@demo.example>\n")
        assert found is not None, sign
        assert (found.report, found.rule) == (Report.FAILED, Rule.BOUNCE_TEXT)
        assert found.returned.first("message-id") == "<offer-1@demo.example>"
    assert read("From: MAILER-DAEMON@x.example\n\nHello.") is None


@pytest.mark.parametrize("author", ["", "From: nobody\n", "From: MAILER-DAEMON@yale.edu\n"])
def test_a_server_that_says_neither_who_it_is_nor_anything_else_is_read(author: str) -> None:
    nothing = "Content-Type: application/pdf\n\nx"
    assert read(f"{author}Subject: failure notice\n{nothing}") is None
    found = read(f"{author}X-Failed-Recipients: li@c.example\nDate: x\n{nothing}")
    assert found is not None
    assert (found.report, found.recipient) == (Report.FAILED, "li@c.example")


def test_a_receipt_and_a_complaint_are_told_from_bounces() -> None:
    found = read(
        REPORT.format("Content-Type: message/disposition-notification\n\nDisposition: x; displayed")
    )
    assert found is not None
    assert (found.report, found.rule) == (Report.RECEIPT, Rule.DISPOSITION)
    feedback = "Content-Type: message/feedback-report\n\nFeedback-Type: {}\nOriginal-Rcpt-To: <li@c.example>\n"
    found = read(REPORT.format(feedback.format("fraud")))
    assert found is not None
    assert (found.report, found.recipient) == (Report.COMPLAINT, "li@c.example")
    found = read(REPORT.format(feedback.format("not-spam")))
    assert found is not None
    assert found.report is Report.NOT_SPAM


@given(
    st.text(max_size=600),
    st.sampled_from(["text/plain", "message/delivery-status", "message/feedback-report"]),
)
def test_no_report_raises(words: str, media: str) -> None:
    text = words.encode("utf-8", "replace").decode()
    read(REPORT.format(f"Content-Type: {media}\n\n{text}"))
    read(f"From: MAILER-DAEMON@x.example\nX-Failed-Recipients: {text[:50]}\n\n{text}")
    status(f"Action: {text[:80]}\nStatus: {text}\nFinal-Recipient: rfc822; {text}")
