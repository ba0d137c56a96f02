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
Line = tuple[AddressField, RecipientKind | None, bool]
CONTACT: Line = (TO, RecipientKind.CONTACT, False)
COPIED: Line = (CC, RecipientKind.LEAD, False)
REFUSING: Line = (TO, RecipientKind.CONTACT, True)
OTHER: Line = (CC, RecipientKind.OTHER, False)
HIDDEN: Line = (BCC, RecipientKind.CONTACT, False)
HIDDEN_REFUSING: Line = (BCC, RecipientKind.CONTACT, True)
HIDDEN_OTHER: Line = (BCC, RecipientKind.OTHER, False)
UNKNOWN: Line = (TO, None, False)

R = FollowReason
REFUSES, KIND, AWAY, BCC_NOT, WHOLE = (
    R.RECIPIENT_REFUSES,
    R.KIND_NOT_FOLLOWABLE,
    R.DIRECTORY_UNAVAILABLE,
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


def chosen(
    policy: FollowPolicy, renditions: Renditions, *lines: Line
) -> tuple[FollowReason | None, list[FollowReason | None]]:
    """Decide where the tenant has chosen to follow hidden recipients."""
    request = Request(follow=True, has_html=True, recipients=people(*lines), renditions=renditions)
    return reasons(decide(request, engagement=True, policy=policy, follow_bcc=True))


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


def test_hidden_recipients_are_followed_by_choice_in_copies_of_their_own() -> None:
    lines = [CONTACT, HIDDEN, HIDDEN_REFUSING, HIDDEN_OTHER]
    assert chosen(FollowPolicy.RECIPIENT, Renditions.RECIPIENT, *lines) == (
        None,
        [None, None, REFUSES, KIND],
    )
    assert chosen(FollowPolicy.RECIPIENT, Renditions.RECIPIENT, HIDDEN) == (None, [None])
    shared = chosen(FollowPolicy.RECIPIENT, Renditions.MESSAGE, CONTACT, HIDDEN)
    assert shared == (BCC_NOT, [WHOLE, BCC_NOT])


def test_strictly_hidden_recipients_neither_hold_back_a_message_nor_make_it_followed() -> None:
    lines = [CONTACT, HIDDEN, HIDDEN_REFUSING, HIDDEN_OTHER]
    assert chosen(FollowPolicy.STRICT, Renditions.RECIPIENT, *lines) == (
        None,
        [None, None, REFUSES, KIND],
    )
    alone = chosen(FollowPolicy.STRICT, Renditions.RECIPIENT, HIDDEN)
    assert alone == (R.NO_FOLLOWABLE_RECIPIENT, [WHOLE])


@pytest.mark.parametrize(
    ("policy", "renditions", "lines", "message", "each"),
    [
        (FollowPolicy.RECIPIENT, Renditions.RECIPIENT, [CONTACT, UNKNOWN], None, [None, AWAY]),
        (FollowPolicy.RECIPIENT, Renditions.RECIPIENT, [UNKNOWN, OTHER], AWAY, [AWAY, KIND]),
        (FollowPolicy.RECIPIENT, Renditions.RECIPIENT, [UNKNOWN, REFUSING], REFUSES, [AWAY, REFUSES]),
        (FollowPolicy.STRICT, Renditions.RECIPIENT, [CONTACT, UNKNOWN], AWAY, [WHOLE, AWAY]),
        (FollowPolicy.RECIPIENT, Renditions.MESSAGE, [CONTACT, UNKNOWN], AWAY, [WHOLE, AWAY]),
    ],
)  # fmt: skip
def test_whose_kind_could_not_be_found_out_is_not_followed(
    policy: FollowPolicy,
    renditions: Renditions,
    lines: list[Line],
    message: FollowReason | None,
    each: list[FollowReason | None],
) -> None:
    assert of(policy, renditions, *lines) == (message, each)


@st.composite
def recipients(draw: st.DrawFn) -> list[Recipient]:
    """Draw lines of few people, so that some stand there twice."""
    return draw(
        st.lists(
            st.builds(
                Recipient,
                ref=st.integers(0, 14).map(lambda number: RecipientRef(f"{number:016x}")),
                field=st.sampled_from(AddressField),
                kind=st.sampled_from([*RecipientKind, None]),
                refuses=st.booleans(),
            ),
            max_size=14,
        )
    )


def person_by_person(
    request: Request, engagement: bool, policy: FollowPolicy, follow_bcc: bool
) -> list[bool]:
    """Say who is followed as the rules are written down, one person at a time and without a word of why."""
    people = request.recipients
    refusing = [one.ref for one in people if one.refuses]
    shared = request.renditions is Renditions.MESSAGE
    allowed = [one.kind in FOLLOWABLE and one.ref not in refusing for one in people]
    hidden = [one.field is BCC for one in people]
    followed = [
        ok and (not out_of_sight or follow_bcc)
        for ok, out_of_sight in zip(allowed, hidden, strict=True)
    ]
    in_sight = [ok for ok, out_of_sight in zip(followed, hidden, strict=True) if not out_of_sight]
    whole = request.follow and engagement and request.has_html
    if policy is FollowPolicy.STRICT:
        whole = whole and any(in_sight) and all(in_sight)
    if shared:
        readers = {one.ref for one in people}
        whole = whole and all(followed) and not any(hidden) and len(readers) <= 8
    return [whole and ok for ok in followed]


@given(
    people=recipients(),
    follow=st.booleans() | st.just(True),
    has_html=st.booleans() | st.just(True),
    renditions=st.sampled_from(Renditions),
    engagement=st.booleans() | st.just(True),
    policy=st.sampled_from(FollowPolicy),
    follow_bcc=st.booleans(),
)
def test_every_combination_follows_whom_the_rules_name_and_says_why_not_for_the_others(
    people: list[Recipient],
    follow: bool,
    has_html: bool,
    renditions: Renditions,
    engagement: bool,
    policy: FollowPolicy,
    follow_bcc: bool,
) -> None:
    request = Request(follow=follow, has_html=has_html, recipients=people, renditions=renditions)
    decision = decide(request, engagement=engagement, policy=policy, follow_bcc=follow_bcc)
    expected = person_by_person(request, engagement, policy, follow_bcc)
    assert [one.followed for one in decision.recipients] == expected
    assert decision.followed == any(expected)
    for one, line in zip(people, decision.recipients, strict=True):
        if line.reason is REFUSES:
            assert one.ref in {other.ref for other in people if other.refuses}
        if line.reason in (KIND, AWAY):
            assert one.kind is (None if line.reason is AWAY else RecipientKind.OTHER)
        if line.reason is BCC_NOT:
            assert one.field is BCC
    if not follow:
        assert {decision.reason} == {R.NOT_REQUESTED}
    # nobody's place among the hidden shows in what is said of those in sight
    if renditions is Renditions.RECIPIENT and policy is FollowPolicy.STRICT:
        visible = [one for one in people if one.field is not BCC]
        told = {one.ref for one in people if one.field is BCC and one.refuses}
        if not told & {one.ref for one in visible}:
            alone = Request(follow=follow, has_html=has_html, recipients=visible)
            without = decide(alone, engagement=engagement, policy=policy, follow_bcc=follow_bcc)
            assert decision.reason == without.reason


def test_every_reason_has_a_sentence() -> None:
    assert all(reason.detail.endswith(".") and len(reason.detail) <= 90 for reason in FollowReason)
