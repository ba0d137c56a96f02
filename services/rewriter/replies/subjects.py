"""The words that a subject begins with where a machine answers, somebody forwards, or a server reports.

Exchange may send an automatic reply with no header that says so: its subject is all there is. Only the beginning
counts, since "Re: Automatic reply" is a person who answers a machine.
"""

import re
from typing import Final


def _phrases(*lines: str) -> tuple[str, ...]:
    return tuple(one.strip().casefold() for line in lines for one in line.split("|"))


AUTOMATIC: Final = _phrases(
    # English
    "out of office | out of the office | out-of-office | automatic reply | automatic response | auto reply",
    "auto-reply | autoreply | auto response | auto-response | autoresponse | automated reply | automated response",
    "vacation reply | away from the office | i am out of the office",
    # German
    "abwesenheitsnotiz | abwesenheitsnachricht | abwesenheitsmeldung | abwesenheit: | automatische abwesenheit",
    "automatische antwort | automatische rückantwort | automatische eingangsbestätigung | nicht im büro",
    # French
    "réponse automatique | reponse automatique | absence du bureau | message d'absence | notification d'absence",
    "absent du bureau | absente du bureau | réponse d'absence",
    # Spanish, Catalan, Portuguese, Italian, Romanian
    "respuesta automática | respuesta automatica | fuera de la oficina | fuera de oficina | resposta automàtica",
    "resposta automática | resposta automatica | fora do escritório | ausência temporária",
    "risposta automatica | fuori sede | fuori ufficio | assenza dall'ufficio | răspuns automat | raspuns automat",
    # Dutch, Danish, Norwegian, Swedish, Finnish
    "automatisch antwoord | automatische beantwoording | afwezigheidsbericht | afwezigheidsmelding | afwezig:",
    "automatisk svar | autosvar | fraværsbesked | fraværsmelding | ikke til stede | ikke på kontoret",
    "automatiskt svar | frånvaromeddelande | frånvaro: | automaattinen vastaus | poissa toimistosta",
    # Polish, Czech, Slovak, Hungarian, Croatian, Slovenian
    "odpowiedź automatyczna | automatyczna odpowiedź | poza biurem | automatická odpověď | mimo kancelář",
    "automatická odpoveď | automatikus válasz | automatski odgovor | samodejni odgovor",
    # Russian, Ukrainian, Bulgarian, Greek, Turkish
    "автоматический ответ | автоответ | автоматична відповідь | автоматичен отговор | αυτόματη απάντηση",
    "otomatik yan\u0131t | otomatik cevap | ofis d\u0131\u015f\u0131",
    # Arabic, Hebrew, Hindi, Indonesian, Vietnamese, Thai, Chinese, Japanese, Korean
    "رد تلقائي | תשובה אוטומטית | מענה אוטומטי | स्वचालित उत्तर | balasan otomatis | trả lời tự động",
    "ตอบกลับอัตโนมัติ | 自动答复 | 自动回复 | 自動回覆 | 自動答覆 | 自動応答 | 自動返信 | 不在通知 | 不在:",
    "자동 회신 | 부재중",
)
# Notes: "AUTO: Li Wang is out of the office (returning 12.08.2026)".
_NOTES: Final = re.compile(
    r"auto: .{1,120}(office|büro|bureau|oficina|ufficio|kantoor|kontoret|\()"
)
# Not the Norwegian "VS", which is "answer" in Finnish.
_FORWARD: Final = re.compile(
    r"(fwd?|fw|wg|tr|rv|enc|doorst|i|vb|vl|pd|переслано|转发|轉寄|転送|전달)\s?[:\uff1a]",
    re.IGNORECASE,
)
_OPENING: Final = re.compile(r"[\s\[(\"'*]+")
_UNDELIVERED: Final = re.compile(
    r"(undeliver(ed|able)|mail delivery (failed|failure|system)|returned mail|failure notice|"
    r"delivery (status notification|failure|has failed|to the|delayed)|message not delivered|"
    r"warning: (message|could not send)|unzustellbar|nicht zustellbar|non remis|échec de la remise|"
    r"no se puede entregar|non recapitabile|onbestelbaar)",
    re.IGNORECASE,
)


def is_automatic(subject: str) -> bool:
    """Tell whether a subject begins as automatic replies do."""
    begun = _beginning(subject)
    return begun.startswith(AUTOMATIC) or _NOTES.match(begun) is not None


def is_forward(subject: str) -> bool:
    """Tell whether a subject says that a mail is passed on."""
    return _FORWARD.match(subject.strip()) is not None


def is_undelivered(subject: str) -> bool:
    """Tell whether a subject speaks of a mail that was not delivered."""
    return _UNDELIVERED.match(subject.strip()) is not None


def _beginning(subject: str) -> str:
    opening = _OPENING.match(subject)
    text = (subject if opening is None else subject[opening.end() :])[:200]
    return text.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("\uff1a", ":")
