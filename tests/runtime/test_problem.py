import orjson

from services.runtime.problem import (
    CATALOGUE,
    ERRORS_SHOWN,
    FieldError,
    Problem,
    Slug,
    invalid_field,
    invalid_parameter,
)


def test_every_slug_is_in_the_catalogue_as_an_error() -> None:
    assert set(CATALOGUE) == set(Slug)
    assert all(kind.status >= 400 for kind in CATALOGUE.values())


def test_a_problem_tells_what_rfc_9457_asks_for() -> None:
    body = orjson.loads(Problem(Slug.CONFLICT, "It changed.").body("/v1/tenant"))
    assert body == {
        "type": "urn:inkling:problem:conflict",
        "title": "The request conflicts with what is there",
        "status": 409,
        "detail": "It changed.",
        "instance": "/v1/tenant",
    }


def test_the_first_error_is_the_field_at_fault() -> None:
    problem = Problem(
        Slug.INVALID_FIELD,
        "Two are at fault.",
        errors=[
            FieldError(field="/to/0/address", detail="A."),
            FieldError(field="/b", detail="B."),
        ],
    )
    body = orjson.loads(problem.body("/v1/mail"))
    assert body["field"] == "/to/0/address"
    assert [one["field"] for one in body["errors"]] == ["/to/0/address", "/b"]
    assert body["errors"][0]["type"] == "urn:inkling:problem:invalid-field"


def test_a_parameter_is_a_bad_request_and_a_field_is_not() -> None:
    assert (invalid_parameter("limit", "No.").status, invalid_field("/a", "No.").status) == (
        400,
        422,
    )
    assert invalid_parameter("limit", "No.").field == "limit"


def test_an_answer_shows_a_bounded_number_of_errors() -> None:
    errors = [FieldError(field=f"/{number}", detail="No.") for number in range(10_000)]
    body = orjson.loads(Problem(Slug.INVALID_FIELD, "Many.", errors=errors).body("/"))
    assert len(body["errors"]) == ERRORS_SHOWN
