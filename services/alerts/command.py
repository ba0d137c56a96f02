"""The operator's verbs."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.alerts.app import SCHEMA
from services.alerts.migrate import migrate
from services.alerts.operator import lanes, quarantine
from services.runtime.operator.verbs import Verb, dispatch, without_arguments

VERBS: Final[Mapping[str, Verb]] = {
    "migrate": without_arguments(SCHEMA, "migrate", migrate),
    "lanes": lanes,
    "quarantine": quarantine,
}


def command(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Do what the verb says that comes first; 2 when there is none of that name."""
    return dispatch(SCHEMA, VERBS, environ, arguments)
