"""Whom a message is followed for: examples of each reason, and the laws that no combination may break."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import AddressField, RecipientKind, Renditions
from schemas.identity import RecipientRef
from schemas.settings import FollowPolicy
from services.rewriter.follow import (
    MAX_SHARED_RECIPIENTS,
    Decision,
    FollowReason,
    Recipient,
    Request,
    decide,
    unfollowed,
)

TO, CC, BCC = AddressField.TO, AddressField.CC, AddressField.BCC
FOLLOWABLE = (RecipientKind.ACCOUNT, RecipientKind.CONTACT, RecipientKind.LEAD)
Line = tuple[AddressField, RecipientKind, bool]
CONTACT: Line = (TO, RecipientKind.CONTACT, False)
COPIED: Line = (CC, RecipientKind.LEAD, False)
REFUSING: Line = (TO, RecipientKind.CONTACT, True)
OTHER: Line = (CC, RecipientKind.OTHER, False)
HIDDEN: Line = (BCC, RecipientKind.CONTACT, False)
HIDDEN_REFUSING: Line = (BCC, RecipientKind.CONTACT, True)

R = FollowReason
REFUSES, KIND, BCC_NOT, WHOLE = (
    R.RECIPIENT_REFUSES,
    R.KIND_NOT_FOLLOWABLE,
    R.BCC_NOT_FOLLOWED,
    R.MESSAGE_NOT_FOLLOWED,
)


def people(*lines: Line) -> list[Recipient]:
    return [
        Recipient(ref=RecipientRef(f"{number:016x}"), field=field, kind=kind, refuses=refuses)
        for number, (field, kind, refuses) in enumerate(lines)
    ]


def reasons(decision: Decision) -> tuple[FollowReason | None, list[FollowReason | None]]:
    return decision.reason, [recipient.reason for recipient in decision.recipients]


def of(
    policy: FollowPolicy, renditions: Renditions, *lines: Line
) -> tuple[FollowReason | None, list[FollowReason | None]]:
    request = Request(follow=True, has_html=True, recipients=people(*lines), renditions=renditions)
    return reasons(decide(request, engagement=True, policy=policy))


@pytest.mark.parametrize(
    ("lines", "message", "each"),
    [
        ([CONTACT], None, [None]),
        ([(TO, RecipientKind.ACCOUNT, False), COPIED], None, [None, None]),
        ([CONTACT, REFUSING, OTHER, HIDDEN], None, [None, REFUSES, KIND, BCC_NOT]),
        ([REFUSING], REFUSES, [REFUSES]),
        ([REFUSING, OTHER], REFUSES, [REFUSES, KIND]),
        ([OTHER], R.NO_FOLLOWABLE_RECIPIENT, [KIND]),
        ([HIDDEN, HIDDEN_REFUSING], R.NO_FOLLOWABLE_RECIPIENT, [BCC_NOT, BCC_NOT]),
        ([], R.NO_FOLLOWABLE_RECIPIENT, []),
        ([CONTACT] * 20, None, [None] * 20),
    ],
)
def test_by_recipient_everybody_who_allows_it_is_followed(
    lines: list[Line], message: FollowReason | None, each: list[FollowReason | None]
) -> None:
    assert of(FollowPolicy.RECIPIENT, Renditions.RECIPIENT, *lines) == (message, each)


@pytest.mark.parametrize(
    ("lines", "message", "each"),
    [
        ([CONTACT, COPIED], None, [None, None]),
        ([CONTACT, HIDDEN, HIDDEN_REFUSING], None, [None, BCC_NOT, BCC_NOT]),
        ([CONTACT, REFUSING], REFUSES, [WHOLE, REFUSES]),
        ([CONTACT, OTHER], R.OTHER_RECIPIENT, [WHOLE, KIND]),
        ([CONTACT, OTHER, REFUSING], REFUSES, [WHOLE, KIND, REFUSES]),
        ([OTHER], R.NO_FOLLOWABLE_RECIPIENT, [KIND]),
    ],
)
def test_strictly_one_refusal_or_one_other_holds_back_the_message(
    lines: list[Line], message: FollowReason | None, each: list[FollowReason | None]
) -> None:
    assert of(FollowPolicy.STRICT, Renditions.RECIPIENT, *lines) == (message, each)


@pytest.mark.parametrize(
    ("lines", "message", "each"),
    [
        ([CONTACT, COPIED], None, [None, None]),
        ([CONTACT] * MAX_SHARED_RECIPIENTS, None, [None] * 8),
        ([CONTACT] * 9, R.TOO_MANY_FOR_SHARED_COPY, [WHOLE] * 9),
        ([CONTACT, REFUSING], REFUSES, [WHOLE, REFUSES]),
        ([CONTACT, OTHER], R.OTHER_RECIPIENT, [WHOLE, KIND]),
        ([CONTACT, HIDDEN], BCC_NOT, [WHOLE, BCC_NOT]),
        ([OTHER, HIDDEN], R.NO_FOLLOWABLE_RECIPIENT, [KIND, BCC_NOT]),
    ],
)
def test_a_shared_copy_is_followed_only_for_everybody(
    lines: list[Line], message: FollowReason | None, each: list[FollowReason | None]
) -> None:
    assert of(FollowPolicy.RECIPIENT, Renditions.MESSAGE, *lines) == (message, each)


@pytest.mark.parametrize(
    ("follow", "engagement", "has_html", "reason"),
    [
        (False, False, False, R.NOT_REQUESTED),
        (True, False, False, R.ENGAGEMENT_OFF),
        (True, True, False, R.NO_HTML),
    ],
)
def test_what_holds_for_the_whole_message_is_said_first(
    follow: bool, engagement: bool, has_html: bool, reason: FollowReason
) -> None:
    request = Request(follow=follow, has_html=has_html, recipients=people(CONTACT, REFUSING))
    decision = decide(request, engagement=engagement, policy=FollowPolicy.RECIPIENT)
    assert reasons(decision) == (reason, [reason, reason])
    assert decision == unfollowed(request.recipients, reason)


def test_a_refusal_on_one_line_counts_for_the_person() -> None:
    li = RecipientRef("00000000000000aa")
    twice = [
        Recipient(ref=li, field=TO, kind=RecipientKind.CONTACT),
        Recipient(ref=li, field=BCC, kind=RecipientKind.OTHER, refuses=True),
    ]
    request = Request(follow=True, has_html=True, recipients=twice)
    assert reasons(decide(request, engagement=True, policy=FollowPolicy.RECIPIENT)) == (
        REFUSES,
        [REFUSES, BCC_NOT],
    )


LINES = st.lists(
    st.tuples(st.sampled_from(AddressField), st.sampled_from(RecipientKind), st.booleans()),
    max_size=12,
)


@given(LINES, st.sampled_from(FollowPolicy), st.sampled_from(Renditions))
def test_no_combination_follows_whom_it_must_not(
    lines: list[Line], policy: FollowPolicy, renditions: Renditions
) -> None:
    request = Request(follow=True, has_html=True, recipients=people(*lines), renditions=renditions)
    decision = decide(request, engagement=True, policy=policy)
    pairs = list(zip(request.recipients, decision.recipients, strict=True))
    followed = [recipient for recipient, verdict in pairs if verdict.followed]
    visible = [recipient for recipient in request.recipients if recipient.field is not BCC]

    def may_be_followed(recipient: Recipient) -> bool:
        return recipient.field is not BCC and recipient.kind in FOLLOWABLE and not recipient.refuses

    assert decision.followed == bool(followed)
    assert all(may_be_followed(recipient) for recipient in followed)
    if renditions is Renditions.MESSAGE and decision.followed:
        assert followed == request.recipients
        assert len(followed) <= MAX_SHARED_RECIPIENTS
    if policy is FollowPolicy.STRICT and decision.followed:
        assert followed == visible
    if policy is FollowPolicy.RECIPIENT and renditions is Renditions.RECIPIENT:
        assert followed == [recipient for recipient in visible if may_be_followed(recipient)]


def test_every_reason_has_a_sentence() -> None:
    assert all(reason.detail.endswith(".") and len(reason.detail) <= 90 for reason in FollowReason)
