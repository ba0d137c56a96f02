"""The operator's verbs."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.projector.app import SCHEMA
from services.projector.fact_verbs import facts
from services.projector.migrate import migrate
from services.projector.operator import lanes, quarantine
from services.projector.rebuild.verbs import rebuild
from services.runtime.operator.verbs import Verb, dispatch, without_arguments

VERBS: Final[Mapping[str, Verb]] = {
    "migrate": without_arguments(SCHEMA, "migrate", migrate),
    "facts": facts,
    "rebuild": rebuild,
    "lanes": lanes,
    "quarantine": quarantine,
}


def command(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Do what the verb says that comes first; 2 when there is none of that name."""
    return dispatch(SCHEMA, VERBS, environ, arguments)
