from collections.abc import Generator

import pytest

from services.rewriter import calls, forms
from services.runtime.problem import Problem
from tests.rewriter.given import a_recipient, prepared


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ([], "application/json"),
        (["*/*"], "application/json"),
        (["message/rfc822"], "message/rfc822"),
        (["message/*"], "message/rfc822"),
        (["multipart/mixed, */*"], "multipart/mixed"),
        (["message/rfc822;q=0.5, multipart/mixed;q=0.4"], "message/rfc822"),
        (["application/json;q=0.1, message/rfc822"], "message/rfc822"),
        (["*/*, application/json;q=0"], "message/rfc822"),
        (["text/html"], None),
        (["*/*;q=0"], None),
    ],
)
def test_the_form_is_the_one_that_is_wanted_most(accept: list[str], form: str | None) -> None:
    assert calls.preferred(accept, forms.FORMS) == form


def test_one_mail_cannot_hold_several_copies() -> None:
    two = prepared(to=[a_recipient(1), a_recipient(2)])
    with pytest.raises(Problem) as refused:
        forms.check(forms.MIME, two)
    assert refused.value.status == 406
    for form in (forms.MIXED, calls.JSON):
        forms.check(form, two)
    forms.check(forms.MIME, prepared())


async def test_what_is_long_is_done_in_steps_and_gives_its_result() -> None:
    def steps() -> Generator[None, None, str]:
        yield
        yield
        return "done"

    assert await forms.paced(steps()) == "done"
