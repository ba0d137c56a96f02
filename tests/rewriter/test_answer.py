import pytest

from services.rewriter import answer, copies
from tests.rewriter.given import HTML, MESSAGE, TARGET, URL, a_recipient, prepared

FILE = {"name": "a.pdf", "content_type": "application/pdf", "content": "QQ==", "followed": True}


def test_everything_that_happened_is_told() -> None:
    made = prepared(
        to=[a_recipient(1, id="c-1")], cc=[a_recipient(2, kind=None)], attachments=[FILE]
    )
    told = answer.write(made, copies.renditions(made))
    assert (told["message_id"], told["followed"], told["reason"]) == (str(MESSAGE), True, None)
    followed, plain = told["renditions"]
    assert (followed["recipient"], followed["to"]) == ("c-1", ("p1@customer.example",))
    assert plain["html"] == HTML != followed["html"]
    assert followed["headers"] == plain["headers"]
    assert followed["subject"] == "Your offer"
    assert plain["text"] == "Dear Li"
    assert followed["text"].startswith(f"Dear Li\n\na.pdf (1 B)\n{URL}/a/")
    attached = {"name": "a.pdf", "content_type": "application/pdf", "content": "QQ=="}
    assert followed["attachments"] == []
    assert plain["attachments"] == [{**attached, "content_id": None}]
    assert [(one["id"], one["followed"], one["reason"]) for one in told["recipients"]] == [
        ("c-1", True, None),
        (None, False, {"code": "kind_not_followable", "detail": "Only accounts, contacts and leads are followed."}),
    ]  # fmt: skip
    assert [(one["index"], one["url"], one["text"], one["followed"]) for one in told["links"]] == [
        (0, TARGET, "the offer", True),
        (1, "https://shop.example/terms", "terms", True),
        (2, "mailto:ana@demo.example", "me", False),
    ]
    assert told["links"][2]["reason"]["code"] == "not_http"
    (file,) = told["attachments"]
    assert file == {
        "index": 0,
        "name": "a.pdf",
        "size": 1,
        "followed": True,
        "reason": None,
        "hosted": False,
        "hosting_reason": None,
    }


def test_what_is_said_of_pictures_is_said_only_where_somebody_asked() -> None:
    shown = {"name": "p.gif", "content": "R0lGODlh", "content_id": "<p@demo>", "followed": True}
    made = prepared(
        html="<img src=cid:p@demo>",
        attachments=[shown, {**FILE, "followed": False}],
        host_pictures=True,
    )
    told = answer.write(made, copies.renditions(made))
    assert [one["hosted"] for one in told["attachments"]] == [True, False]
    assert [
        one["hosting_reason"] and one["hosting_reason"]["code"] for one in told["attachments"]
    ] == [
        None,
        "not_shown",
    ]
    assert told["attachments"][0]["reason"]["code"] == "shown_in_mail"
    unasked = prepared(html="<img src=cid:p@demo>", attachments=[shown])
    told = answer.write(unasked, copies.renditions(unasked))
    assert told["attachments"][0]["hosting_reason"] is None
    assert told["renditions"][0]["attachments"][0]["content_id"] == "p@demo"


def test_headers_show_everybody_in_to_and_cc_and_nobody_in_bcc() -> None:
    made = prepared(
        to=[a_recipient(1), {"address": "x@y.example"}],
        cc=[{"address": "z@y.example", "name": 'Li "the" \\ Wang, Ltd.'}],
        bcc=[a_recipient(9)],
        headers={"message-id": "<own@demo.example>", "Reply-To": "r@demo.example"},
    )
    told = answer.write(made, copies.renditions(made))
    assert told["renditions"][0]["headers"] == {
        "Message-ID": "<own@demo.example>",
        "From": "Ana <ana@demo.example>",
        "To": "Person 1 <p1@customer.example>, x@y.example",
        "Cc": '"Li \\"the\\" \\\\ Wang, Ltd." <z@y.example>',
        "Reply-To": "r@demo.example",
    }


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Zoë Åse", "Zoë Åse <a@b>"), ("a@b", '"a@b" <a@b>'), ("", "a@b"), ("J. D.", '"J. D." <a@b>')],
)
def test_names_are_quoted_only_where_they_must_be(name: str, shown: str) -> None:
    made = prepared(**{"from": {"address": "a@b", "name": name}})
    told = answer.write(made, copies.renditions(made))
    assert told["renditions"][0]["headers"]["From"] == shown
    assert "Cc" not in told["renditions"][0]["headers"]
