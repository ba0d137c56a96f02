"""The operator's verbs: each is a function of the environment and what stands behind it, and returns an exit code."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from services.alerts.migrate import migrate
from services.alerts.operator import lanes, quarantine

Verb = Callable[[Mapping[str, str], Sequence[str]], int]


def _migrate(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    if arguments:
        sys.stderr.write("usage: python -m services.alerts migrate\n")
        return 2
    return migrate(environ)


VERBS: Final[Mapping[str, Verb]] = {"migrate": _migrate, "lanes": lanes, "quarantine": quarantine}


def command(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Do what the verb says that comes first; 2 when there is none of that name."""
    verb = VERBS.get(arguments[0])
    if verb is None:
        sys.stderr.write(f"usage: python -m services.alerts [{' | '.join(VERBS)}]\n")
        return 2
    return verb(environ, arguments[1:])
