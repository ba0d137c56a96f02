from schemas.events import CANARY_LINK_INDEX
from schemas.token import Purpose, read
from services.rewriter.tracking import Tracking
from tests.rewriter.given import KEYS, MESSAGE, TERMS, URL, prepared

REF = prepared().refs[0]


def test_a_link_is_made_once_and_leads_where_it_did() -> None:
    tracking = Tracking(KEYS, TERMS, MESSAGE, (REF,))
    made = tracking.link(3, "https://x.example/?a=1")
    assert tracking.link(3, "https://x.example/?a=1") is made
    claim = read(KEYS.tokens, Purpose.CLICK, made.removeprefix(f"{URL}/c/"))
    assert (claim.index, claim.url, claim.refs, claim.message_id) == (
        3,
        "https://x.example/?a=1",
        (REF,),
        MESSAGE,
    )


def test_several_links_are_what_each_would_be() -> None:
    wanted = [(index, f"https://x.example/{index}?\u00e9") for index in range(5)]
    alone = Tracking(KEYS, TERMS, MESSAGE, (REF,))
    expected = [alone.link(*one) for one in wanted]
    together = Tracking(KEYS, TERMS, MESSAGE, (REF,))
    assert together.links(wanted[1:3]) == {1: expected[1], 2: expected[2]}
    assert together.links(wanted) == dict(enumerate(expected))
    assert [together.link(*one) for one in wanted] == expected
    assert Tracking(KEYS, TERMS, MESSAGE, (REF,)).links([]) == {}


def test_the_canary_has_the_last_number_there_is() -> None:
    made = Tracking(KEYS, TERMS, MESSAGE, (REF,)).canary("https://x.example/")
    assert (
        read(KEYS.tokens, Purpose.CLICK, made.removeprefix(f"{URL}/c/")).index == CANARY_LINK_INDEX
    )


def test_a_shared_copy_has_no_address_for_answers() -> None:
    assert Tracking(KEYS, TERMS, MESSAGE, (REF, REF)).reply_to() is None
