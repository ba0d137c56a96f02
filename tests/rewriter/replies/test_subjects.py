import pytest

from services.rewriter.replies import subjects


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Your offer",
        "[Auto-Reply] Your offer",
        "OUT OF OFFICE: Li",
        "AUTO: Li Wang is out of the office (returning 10.08.2026)",
        "Automatische Antwort: Ihr Angebot",
        "Abwesenheitsnotiz: Ihr Angebot",
        "Réponse automatique\xa0: Votre offre",
        "Notification d\u2019absence",
        "自動応答: お見積もり",
        "不在\uff1a 王",
        "Автоматический ответ: Ваше предложение",
        "Otomatik Yan\u0131t: Teklif",
    ],
)
def test_a_subject_of_an_automatic_reply(subject: str) -> None:
    assert subjects.is_automatic(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "Re: Automatic reply: Your offer",
        "AW: Abwesenheitsnotiz",
        "Your offer (out of office)",
        "Auto: our new car insurance",
        "Abwesend am Freitag",
        "",
    ],
)
def test_a_subject_of_a_person(subject: str) -> None:
    assert not subjects.is_automatic(subject)


@pytest.mark.parametrize(
    "subject", ["Fwd: x", "FW: x", "Fw : x", "WG: x", "TR\xa0: x", "RV: x", "I: x", "转发\uff1ax"]
)
def test_a_subject_of_a_forward(subject: str) -> None:
    assert subjects.is_forward(subject)


@pytest.mark.parametrize(
    "subject", ["Re: Fwd: x", "AW: WG: x", "VS: x", "Forward plan", "Tracing: x", "SV: x"]
)
def test_a_subject_of_no_forward(subject: str) -> None:
    assert not subjects.is_forward(subject)


@pytest.mark.parametrize(
    "subject",
    ["Undeliverable: x", "failure notice", "Mail delivery failed: returning", "Unzustellbar: x"],
)
def test_a_subject_of_a_server(subject: str) -> None:
    assert subjects.is_undelivered(subject)
    assert not subjects.is_undelivered(f"Re: {subject}")
