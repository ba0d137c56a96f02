"""The numbers of the kinds lie in tables for years."""

from services.projector.kinds import Kind


def test_the_numbers_of_the_kinds_never_change() -> None:
    assert {kind.name: kind.value for kind in Kind} == {
        "OPEN": 1,
        "CLICK": 2,
        "ATTACHMENT_VIEW": 3,
        "REPLY": 4,
    }
