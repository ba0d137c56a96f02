from schemas.events import RecipientKind
from services.rewriter.directory import people
from services.rewriter.directory.answers import Known
from tests.rewriter.given import a_mail, a_recipient


def test_only_what_the_call_left_out_is_filled_in() -> None:
    mail = a_mail(
        to=[
            a_recipient(1, "lead"),
            a_recipient(2, None, id="own", time_zone="Europe/Paris"),
            a_recipient(3, None, follow="do_not_allow"),
            a_recipient(4, None),
        ]
    )
    assert people.unnamed(mail) == [f"p{number}@customer.example" for number in (2, 3, 4)]
    known = Known(RecipientKind.CONTACT, "theirs", "Asia/Singapore")
    refusing = Known(RecipientKind.ACCOUNT, refuses=True)
    told, second, third, fourth = people.complete(
        mail,
        {
            "p1@customer.example": refusing,
            "p2@customer.example": refusing,
            "p3@customer.example": known,
        },
    ).recipients
    assert told == mail.recipients[0]
    assert (second.kind, second.id, second.time_zone) == ("account", "own", "Europe/Paris")
    assert second.refuses
    assert (third.kind, third.id, third.time_zone, third.refuses) == (
        *("contact", "theirs", "Asia/Singapore"),
        True,
    )
    assert (fourth.kind_unknown, third.kind_unknown) == (True, False)
