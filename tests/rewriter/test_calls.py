import pytest

from services.rewriter import calls
from services.rewriter.faults import BadFields, Fault
from services.runtime.problem import Slug

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("accept", "acceptable"),
    [
        ([], True),
        ([""], True),
        (["*/*"], True),
        (["application/json"], True),
        (["Application/JSON; charset=utf-8"], True),
        (["text/html, application/*;q=0.1"], True),
        (["text/html", "application/json"], True),
        (["message/rfc822"], False),
        (["multipart/mixed, message/rfc822;q=0.9"], False),
        (["application/json;q=0, */*"], False),
        (["application/json;q=0.000"], False),
        (["*/*;q=0"], False),
    ],
)
def test_accept_is_honoured(accept: list[str], acceptable: bool) -> None:
    assert calls.accepts_json(accept) is acceptable


@pytest.mark.parametrize(
    ("header", "forwarded"),
    [
        (TRACE, True),
        (None, False),
        ("", False),
        (TRACE.upper(), False),
        (TRACE.replace("00-", "ff-", 1), False),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", False),
        (f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01", False),
        (TRACE + "-more", False),
        (TRACE + "\n", False),
    ],
)
def test_only_a_valid_trace_is_forwarded(header: str | None, forwarded: bool) -> None:
    assert calls.traceparent(header) == (header if forwarded else None)


def test_every_fault_is_told() -> None:
    one, two = Fault(field="/a", detail="One."), Fault(field="/b", detail="Two.")
    problem = calls.refused(BadFields([one, two]))
    assert (problem.slug, problem.status, problem.field) == (Slug.INVALID_FIELD, 422, "/a")
    assert [error.field for error in problem.errors] == ["/a", "/b"]
    assert calls.refused(BadFields([one])).detail == "One."


def test_unavailable_says_when_to_come_back() -> None:
    problem = calls.unavailable("Not now.")
    assert (problem.status, problem.headers) == (503, {"Retry-After": "1"})
