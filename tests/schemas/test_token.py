from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import token
from schemas.errors import BadToken, TokenFault
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.token import Claim, KeyRing, Purpose
from tests.schemas.examples import document

GOLDEN: dict[str, Any] = document("tokens.json")
KEYS = {int(key): bytes.fromhex(digits) for key, digits in GOLDEN["keys"].items()}
RING = KeyRing(signing=1, keys=KEYS)
LONG = (Purpose.OPEN, Purpose.CLICK, Purpose.ATTACHMENT, Purpose.PICTURE)

TENANTS = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True).map(Tenant)
REFS = st.binary(min_size=8, max_size=8).map(lambda raw: RecipientRef(raw.hex()))
MESSAGES = st.uuids().map(MessageId)


@st.composite
def claims(draw: st.DrawFn, purpose: Purpose) -> Claim:
    return Claim(
        tenant=draw(TENANTS),
        message_id=draw(MESSAGES),
        refs=tuple(draw(st.lists(REFS, min_size=1, max_size=8))),
        mode=draw(st.integers(0, 255)),
        index=None if purpose is Purpose.OPEN else draw(st.integers(0, 65535)),
        url=draw(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
        if purpose is Purpose.CLICK
        else None,
    )


PURPOSED = st.sampled_from(LONG).flatmap(
    lambda purpose: st.tuples(st.just(purpose), claims(purpose))
)


@pytest.mark.parametrize("golden", GOLDEN["tokens"], ids=lambda each: each["case"])
def test_every_token_ever_minted_is_read(golden: dict[str, Any]) -> None:
    claim, purpose = golden["claim"], Purpose(golden["purpose"])
    message, tenant = MessageId(UUID(claim["message_id"])), Tenant(claim["tenant"])
    match purpose:
        case Purpose.REPLY:
            assert token.read_reply(RING, tenant, golden["token"].upper()) == (
                message,
                claim["refs"][0],
            )
        case Purpose.MESSAGE_ID:
            assert token.read_message_id(RING, tenant, golden["token"]) == message
        case _:
            read = token.read(RING, purpose, golden["token"])
            assert read == Claim(
                tenant=tenant,
                message_id=message,
                refs=tuple(claim["refs"]),
                mode=claim["mode"],
                index=claim.get("index"),
                url=claim.get("url"),
            )
            assert read.recorded is (claim["mode"] == 0)
            assert (
                token.mint(KeyRing(signing=golden["key"], keys=KEYS), purpose, read)
                == golden["token"]
            )


@given(PURPOSED)
def test_reading_gives_back_what_was_minted(case: tuple[Purpose, Claim]) -> None:
    purpose, claim = case
    assert token.read(RING, purpose, token.mint(RING, purpose, claim)) == claim


@pytest.mark.parametrize("golden", GOLDEN["tokens"], ids=lambda each: each["case"])
def test_every_flipped_bit_and_every_cut_is_refused(golden: dict[str, Any]) -> None:
    minted, purpose = golden["token"], Purpose(golden["purpose"])
    if purpose not in LONG:
        return
    raw = token._decode(minted)
    for bit in range(len(raw) * 8):
        damaged = bytearray(raw)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadToken):
            token.read(RING, purpose, token._encode(bytes(damaged)))
    for cut in range(len(minted)):
        with pytest.raises(BadToken):
            token.read(RING, purpose, minted[:cut])
        with pytest.raises(BadToken):
            token.read(RING, purpose, minted[cut + 1 :])


def test_every_flipped_bit_of_a_reply_address_is_refused() -> None:
    tenant, message = Tenant("demo"), MessageId(UUID(int=9))
    minted = token.mint_reply(RING, tenant, message, RecipientRef("0" * 16))
    for place in range(len(minted)):
        for other in "abcdefghijklmnopqrstuvwxyz234567":
            if other != minted[place]:
                with pytest.raises(BadToken):
                    token.read_reply(RING, tenant, minted[:place] + other + minted[place + 1 :])
    with pytest.raises(BadToken):
        token.read_reply(RING, Tenant("other"), minted)
    with pytest.raises(BadToken):
        token.read_message_id(
            RING, tenant, token.mint_reply(RING, tenant, message, RecipientRef("0" * 16))[:44]
        )


@given(PURPOSED, st.sampled_from(LONG))
def test_a_token_for_one_purpose_is_none_for_another(
    case: tuple[Purpose, Claim], other: Purpose
) -> None:
    purpose, claim = case
    if other is not purpose:
        with pytest.raises(BadToken, match="forged"):
            token.read(RING, other, token.mint(RING, purpose, claim))


@given(st.text(max_size=120))
def test_no_text_that_we_did_not_mint_is_a_token(text: str) -> None:
    for purpose in LONG:
        with pytest.raises(BadToken):
            token.read(RING, purpose, text)


@given(PURPOSED, st.sampled_from(["=", " ", "\n", "A", "+", "/", "%3D"]))
def test_a_token_has_one_spelling(case: tuple[Purpose, Claim], more: str) -> None:
    purpose, claim = case
    minted = token.mint(RING, purpose, claim)
    for other in (minted + more, more + minted, minted.replace("-", "+"), minted.replace("_", "/")):
        if other != minted:
            with pytest.raises(BadToken):
                token.read(RING, purpose, other)


def test_keys_rotate_by_overlap() -> None:
    claim = Claim(
        tenant=Tenant("a"), message_id=MessageId(UUID(int=1)), refs=(RecipientRef("0" * 16),)
    )
    old, new = KeyRing(1, {1: KEYS[1]}), KeyRing(2, KEYS)
    assert token.read(new, Purpose.OPEN, token.mint(old, Purpose.OPEN, claim)) == claim
    with pytest.raises(BadToken) as retired:
        token.read(KeyRing(2, {2: KEYS[2]}), Purpose.OPEN, token.mint(old, Purpose.OPEN, claim))
    assert retired.value.fault is TokenFault.UNKNOWN_KEY
    with pytest.raises(BadToken) as forged:
        token.read(KeyRing(1, {1: KEYS[2]}), Purpose.OPEN, token.mint(old, Purpose.OPEN, claim))
    assert forged.value.fault is TokenFault.FORGED


def test_a_later_version_is_told_from_a_forgery() -> None:
    raw = bytes([9]) + token._decode(GOLDEN["tokens"][0]["token"])[1:]
    with pytest.raises(BadToken) as later:
        token.read(RING, Purpose.OPEN, token._encode(raw))
    assert later.value.fault is TokenFault.UNKNOWN_VERSION


@given(
    claims(Purpose.OPEN),
    st.lists(
        st.tuples(st.sampled_from(LONG), st.integers(0, 65535), st.text("abc/é", min_size=1)),
        max_size=5,
    ),
)
def test_the_tokens_of_a_copy_are_what_they_would_be_alone(
    claim: Claim, parts: list[tuple[Purpose, int, str]]
) -> None:
    minter = token.Minter(RING, claim)
    for purpose, index, url in parts:
        one = replace(
            claim,
            index=None if purpose is Purpose.OPEN else index,
            url=url if purpose is Purpose.CLICK else None,
        )
        made = minter.mint(purpose, index, url)
        assert made == token.mint(RING, purpose, one)
        assert token.read(RING, purpose, made) == one
        clicked = token.mint(RING, Purpose.CLICK, replace(claim, index=index, url=url))
        assert minter.clicks([(index, url)] * 2) == [clicked, clicked]


def test_a_claim_without_a_form_is_not_minted() -> None:
    whole = Claim(
        tenant=Tenant("a"), message_id=MessageId(UUID(int=1)), refs=(RecipientRef("0" * 16),)
    )
    with pytest.raises(ValueError, match="target"):
        token.Minter(RING, whole).clicks([(1, "")])
    bare = Claim(tenant=Tenant("a"), message_id=MessageId(UUID(int=1)), refs=())
    for purpose in LONG:
        with pytest.raises(ValueError, match="recipients"):
            token.mint(RING, purpose, bare)
    one = Claim(tenant=bare.tenant, message_id=bare.message_id, refs=(RecipientRef("0" * 16),))
    with pytest.raises(ValueError, match="index"):
        token.mint(RING, Purpose.CLICK, one)


@pytest.mark.parametrize(
    "text", ["", "1", "x:00", "1:zz", "1:00", "16:" + "0" * 64, "1:" + "0" * 64 + ",1:" + "0" * 64]
)
def test_a_malformed_key_ring_is_refused_without_showing_a_key(text: str) -> None:
    with pytest.raises(ValueError, match=r".+") as refused:
        token.key_ring(text)
    assert "0" * 8 not in str(refused.value)


def test_a_key_ring_signs_with_its_first_key_and_hides_them_all() -> None:
    ring = token.key_ring(f"2:{KEYS[2].hex()}, 1:{KEYS[1].hex()}")
    assert ring.signing == 2
    assert KEYS[1].hex() not in repr(ring)
    assert KEYS[1].hex() not in str(ring)
