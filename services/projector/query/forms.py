"""In which form an answer is wanted: the header `Accept` against the forms that a door has (RFC 9110 §12.5.1)."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from services.runtime.problem import Problem, Slug


class Form(StrEnum):
    """What an answer can be written as."""

    JSON = "application/json"
    CSV = "text/csv"
    NDJSON = "application/x-ndjson"


# NDJSON has no registered name, and goes by several.
_SPELLINGS: Final = {
    "application/ndjson": Form.NDJSON,
    "application/jsonl": Form.NDJSON,
    "application/jsonlines": Form.NDJSON,
}


def choose(accept: str, offered: Sequence[Form]) -> Form:
    """Return the offered form that is wanted most, the earlier one of two; none is a 406 `Problem`."""
    ranges = [_range(one) for one in accept.lower().split(",") if one.strip()] or [("*/*", 1.0)]
    weights = {form: _weight(form, ranges) for form in offered}
    best = max(offered, key=lambda form: weights[form])
    if weights[best] <= 0:
        raise Problem(Slug.NOT_ACCEPTABLE, f"This door answers {', '.join(offered)}.")
    return best


def _range(written: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in written.split(";"))
    weight = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                weight = float(parameter[2:])
            except ValueError:
                weight = 0.0
    return _SPELLINGS.get(name, name), weight


def _weight(form: Form, ranges: Sequence[tuple[str, float]]) -> float:
    """Return how much a form is wanted: what names it most closely counts."""
    for wanted in (form.value, f"{form.partition('/')[0]}/*", "*/*"):
        found = [weight for name, weight in ranges if name == wanted]
        if found:
            return max(found)
    return 0.0
