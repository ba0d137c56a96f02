import pytest

from services.projector.query.forms import Form, choose
from services.runtime.problem import Problem

ALL = list(Form)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form.JSON),
        ("*/*", Form.JSON),
        ("text/csv", Form.CSV),
        ("text/*", Form.CSV),
        ("TEXT/CSV; header=present", Form.CSV),
        ("application/x-ndjson", Form.NDJSON),
        ("application/jsonl", Form.NDJSON),
        ("application/*", Form.JSON),
        ("text/csv, */*;q=0.1", Form.CSV),
        ("text/csv;q=0.5, application/json", Form.JSON),
        ("*/*, application/json;q=0", Form.CSV),
        ("text/html, application/xml;q=0.9, */*;q=0.8", Form.JSON),
    ],
)
def test_the_form_wanted_most_is_chosen(accept: str, form: Form) -> None:
    assert choose(accept, ALL) is form


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "text/csv;q=nothing"])
def test_what_is_not_offered_is_refused(accept: str) -> None:
    with pytest.raises(Problem, match="not-acceptable"):
        choose(accept, ALL)
