"""What schemathesis runs of ours, in its own environment: writes each answer down, refuses what is not the caller's.

It is told by the environment: `INKLING_NEEDLES` is a JSON list of what must not come, `INKLING_OWN` one of what
is the caller's own, `INKLING_TOLD` the file to write.
"""

import importlib
import json
import os
import re
import threading
import zlib
from typing import Any, Final
from urllib.parse import urlsplit

from tests.interop._foreign import Told, are_allowed, given_away, is_in_words

ACCEPTED: Final = ("application/json", "*/*", "text/csv", "application/x-ndjson")
# Few of the days that there are have figures.
WITH_FIGURES: Final = {"from": "2025-12-01", "to": "2026-01-10"}
_ABOUT: Final = re.compile(r"^Invalid component: parameters? (.+) in query", re.MULTILINE)
_NAMED: Final = re.compile("`([^`]+)`")
_NEEDLES: Final[list[str]] = json.loads(os.environ["INKLING_NEEDLES"])
_OWN: Final[list[str]] = json.loads(os.environ["INKLING_OWN"])
_TOLD: Final = os.environ["INKLING_TOLD"]
_one = threading.Lock()


def before_call(_: object, case: Any, __: object) -> None:
    """Ask for every form, which no parameter is for (RFC 9110), and leave out half of what may be left out.

    With a value for each parameter nothing is found, and few cursors are of the list that is asked for: those stay in
    one request of four. What is drawn to be refused stays as it is, but for the cursor.
    """
    lot = zlib.crc32(repr((case.path_parameters, case.query)).encode())
    meta = case.meta
    if meta is not None and meta.phase.name == "fuzzing" and meta.generation.mode.is_positive:
        for place, name in enumerate(sorted(case.query)):
            if lot >> place & 1:
                del case.query[name]
        if case.operation.label == "GET /v1/kpis" and lot >> 24 & 1:
            case.query.clear()
            case.query.update(WITH_FIGURES)
    if isinstance(case.query.get("cursor"), str) and lot >> 20 & 3:
        del case.query["cursor"]
    if case.operation.label == "GET /v1/messages":
        case.headers["Accept"] = ACCEPTED[(lot >> 22) % len(ACCEPTED)]


def after_call(_: object, case: Any, response: Any) -> None:
    """Write down what was asked and how it was answered."""
    line = {
        "operation": case.operation.label,
        "status": response.status_code,
        "own": bool(_found(response, _OWN)),
        "foreign": _found(response, _NEEDLES),
    }
    with _one, open(_TOLD, "a", encoding="utf-8") as told:
        told.write(f"{json.dumps(line)}\n")


def nothing_foreign(_: object, response: Any, __: object) -> None:
    """Fail where a byte is of another tenant or seller."""
    found = _found(response, _NEEDLES)
    if found:
        raise AssertionError(f"somebody else's: {', '.join(found)}")


def filter_failure(_: object, failure: Any, __: object, response: Any) -> bool:
    """Drop two complaints: that what the schemas allow was refused, where words of the document forbid it; and that
    what was drawn as no text was taken, where it became one in the query.
    """
    kind = type(failure).__name__
    if kind == "RejectedPositiveData" and response.status_code == 400:
        return not is_in_words(response.content or b"")
    if kind == "AcceptedNegativeData" and (about := _ABOUT.search(failure.message)):
        names = _NAMED.findall(about[1])
        return not are_allowed(urlsplit(response.request.url).query, names)
    return True


def _found(response: Any, needles: list[str]) -> list[str]:
    headers = {name: ", ".join(values) for name, values in response.headers.items()}
    url = urlsplit(response.request.url)
    told = Told(
        target=url.path, status=response.status_code, headers=headers, body=response.content or b""
    )
    return given_away(told, needles)


# not there where our types are checked and our tests run
_schemathesis: Any = importlib.import_module("schemathesis")
_schemathesis.hook(before_call)
_schemathesis.hook(after_call)
_schemathesis.hook(filter_failure)
_schemathesis.check(nothing_foreign)
