from services.runtime.errors import Poison


def test_poison_tells_its_reason_apart_from_its_detail() -> None:
    poison = Poison("unknown_type", "message.exploded.v1")
    assert (poison.reason, poison.detail) == ("unknown_type", "message.exploded.v1")
    assert str(poison) == "unknown_type: message.exploded.v1"
    assert str(Poison("unknown_type")) == "unknown_type"
