from schemas.events import RecipientKind
from schemas.identity import Tenant
from services.rewriter.directory.answers import NOBODY, Known
from services.rewriter.directory.remembered import Remembered

DEMO, OTHER = Tenant("demo"), Tenant("other")
LI = Known(RecipientKind.CONTACT, "c-17")


def test_answers_hold_for_a_while_whether_or_not_somebody_was_known() -> None:
    held = Remembered(10, 60.0)
    held.keep(DEMO, "li@x.example", LI, 100.0)
    held.keep(DEMO, "no@x.example", NOBODY, 100.0)
    assert held.get(DEMO, "li@x.example", 159.9) == LI
    assert held.get(DEMO, "no@x.example", 159.9) == NOBODY
    assert held.get(DEMO, "li@x.example", 160.0) is None
    assert held.get(OTHER, "li@x.example", 100.0) is None


def test_there_are_never_more_than_so_many_and_the_oldest_go_first() -> None:
    held = Remembered(2, 60.0)
    for number in (1, 2, 1, 3):
        held.keep(DEMO, f"p{number}@x.example", LI, float(number))
    assert len(held) == 2
    assert held.get(DEMO, "p2@x.example", 4.0) is None
    assert held.get(DEMO, "p1@x.example", 4.0) == LI


def test_without_room_or_time_nothing_is_held() -> None:
    for held in (Remembered(0, 60.0), Remembered(10, 0.0)):
        held.keep(DEMO, "li@x.example", LI, 1.0)
        assert len(held) == 0
