from typing import Any

import jwt
import orjson
import pytest

from services.runtime import access
from services.runtime.access import MAX_AGE_SECONDS, Verifier
from services.runtime.problem import Problem
from tests.runtime.test_access import CLAIMS, NOW, OTHER, Keys, described, signed
from tests.support.clock import ManualClock

LASTING = {**CLAIMS, "exp": NOW + 3600}


async def test_a_token_that_was_believed_still_expires() -> None:
    clock = ManualClock()
    verifier = Verifier(Keys(), None, None, clock)
    token = signed()
    assert (await verifier.verify(token)).subject == "ana"
    clock.advance(66)
    with pytest.raises(Problem, match="expired"):
        await verifier.verify(token)


async def test_a_token_that_was_believed_falls_with_its_key() -> None:
    clock, keys = ManualClock(), Keys()
    verifier = Verifier(keys, None, None, clock)
    token = signed(LASTING)
    assert (await verifier.verify(token)).subject == "ana"
    keys.document = orjson.dumps({"keys": [described(OTHER, "ec")]})  # the same id, another key
    clock.advance(MAX_AGE_SECONDS)
    with pytest.raises(Problem, match="signature"):
        await verifier.verify(token)


async def test_a_signature_that_does_not_hold_never_does() -> None:
    verifier = Verifier(Keys(), None, None, ManualClock())
    token = signed(key=OTHER)
    for _ in range(2):
        with pytest.raises(Problem, match="signature"):
            await verifier.verify(token)


async def test_a_signature_that_held_is_not_looked_at_again_until_others_crowd_it_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []
    decode = jwt.decode

    def looking(token: str, *rest: Any, **more: Any) -> Any:
        looked.append(token)
        return decode(token, *rest, **more)

    monkeypatch.setattr(jwt, "decode", looking)
    monkeypatch.setattr(access, "MAX_BELIEVED", 2)
    verifier = Verifier(Keys(), None, None, ManualClock())
    first, second, third = (signed({**CLAIMS, "sub": name}) for name in ("ana", "ben", "cem"))
    for token in (first, first, second, first):
        await verifier.verify(token)
    assert looked == [first, second]
    await verifier.verify(third)
    assert (await verifier.verify(first)).subject == "ana"
    assert looked == [first, second, third, first]
