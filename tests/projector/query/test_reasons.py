from services.projector.query.reasons import SENTENCES, UNLISTED, sentence


def test_every_listed_reason_is_a_sentence() -> None:
    for code, text in SENTENCES.items():
        assert sentence(code) == text
        assert text[0].isupper(), code
        assert text.endswith("."), code


def test_a_reason_that_is_not_listed_has_a_sentence_too() -> None:
    assert sentence("of_tomorrow") == UNLISTED
