import pytest

from services.projector.query.reasons import SENTENCES, UNLISTED, sentence
from services.rewriter.attachments import AttachmentReason
from services.rewriter.follow import FollowReason
from services.rewriter.links import LinkReason


def test_every_listed_reason_is_a_sentence() -> None:
    for code, text in SENTENCES.items():
        assert sentence(code) == text
        assert text[0].isupper(), code
        assert text.endswith("."), code


@pytest.mark.parametrize("code", [*FollowReason, *LinkReason, *AttachmentReason])
def test_every_reason_that_the_rewriter_writes_is_listed(code: str) -> None:
    assert sentence(code) != UNLISTED


def test_a_reason_that_is_not_listed_has_a_sentence_too() -> None:
    assert sentence("of_tomorrow") == UNLISTED
