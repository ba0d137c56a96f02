import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import instant
from services.rewriter.replies import returns
from tests.rewriter.replies.samples import RECEIVED_AT


def read(text: str) -> str | None:
    found = returns.read(text, RECEIVED_AT)
    return None if found is None else instant.text(found)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("I will be back on August 3, 2026.", "2026-08-03"),
        ("I will be back on Monday, August 3rd.", "2026-08-03"),
        ("I'm returning on the 3rd of August 2026", "2026-08-03"),
        ("Back in the office: 3 Aug", "2026-08-03"),
        ("Returning 2026-08-03", "2026-08-03"),
        ("I am away from 20 July and will return on 3 August.", "2026-08-03"),
        ("I am on leave until Friday, 7 August.", "2026-08-07"),
        ("Out of office through August 7", "2026-08-07"),
        ("I will return on 27/07/2026.", "2026-07-27"),
        ("I will be back January 4.", "2027-01-04"),
        ("Ich bin ab dem 3. August wieder erreichbar.", "2026-08-03"),
        ("Am 03.08.2026 bin ich zurück.", "2026-08-03"),
        ("Ich bin vom 20.7. bis 31.7.2026 im Urlaub.", "2026-07-31"),
        ("Ich bin bis einschließlich 31. Juli nicht da", "2026-07-31"),
        ("Je serai de retour le 3 août.", "2026-08-03"),
        ("Je suis absent jusqu\u2019au 3 août 2026", "2026-08-03"),
        ("Absent du 20/07/2026 au 31/07/2026, de retour le 03/08/2026", "2026-08-03"),
        ("Estaré de vuelta el 3 de agosto de 2026", "2026-08-03"),
        ("Rientrerò il 24 agosto.", "2026-08-24"),
        ("Estarei de volta em 3 de agosto", "2026-08-03"),
        ("Ik ben op 3 augustus terug.", "2026-08-03"),
        ("Jag är tillbaka den 3 augusti.", "2026-08-03"),
        ("Jeg er tilbage den 3. august 2026", "2026-08-03"),
        ("Wracam 3 sierpnia.", "2026-08-03"),
        ("Я вернусь 3 августа 2026", "2026-08-03"),
        ("8月10日に復帰いたします。", "2026-08-10"),
        ("8月10日まで不在です。", "2026-08-10"),
        ("我将于2026年8月10日返回", "2026-08-10"),
        ("休假至8月10日", "2026-08-10"),
        ("8월 10일 복귀합니다", "2026-08-10"),
        ("I will be back\non 3 August.", "2026-08-03"),
    ],
)
def test_the_day_of_return_is_read(text: str, day: str) -> None:
    assert read(text) == f"{day}T00:00:00.000000Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I will be back soon.",
        "I will be back on Monday.",
        "Our fair is on 3 August 2026.",
        "I will be back on 08/03/2026.",
        "I will be back on 3 August 2025.",
        "I will be back on 3 August 2029.",
        "I will be back on 15 July.",
        "I was back on 2 May.",
        "I will be back on 31 February 2027.",
        "We are reachable 24/7, I will get back to you.",
        "Send feedback before 3 August.",
        "My number is 03.08.20.26.10 and I am back.",
        "I am back at 8.30",
        "I am away. Call 030 3 8 2026.",
        "> I will be back on 3 August",
        "I am away.\n\n-----Original Message-----\nI will be back on 3 August 2026",
        "I am away.\nFrom: Ana\nBack on 3 August 2026",
        "I will be back. The offer ends on 3 August 2026.",
        "20 July is my last day; back office is staffed.",
    ],
)
def test_what_is_not_clearly_a_day_of_return_is_none(text: str) -> None:
    assert read(text) is None


@given(st.text(max_size=500), st.integers(0, 4_000_000_000_000_000))
def test_nothing_raises_and_every_day_lies_ahead(text: str, now: int) -> None:
    found = returns.read(f"back on {text} 3 august", instant.Instant(now))
    assert found is None or now - 86_400_000_000 < found <= now + 367 * 86_400_000_000
