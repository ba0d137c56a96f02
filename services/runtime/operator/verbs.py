"""A service's table of verbs, and the way from its command line to one of them."""

import sys
from collections.abc import Callable, Mapping, Sequence

Verb = Callable[[Mapping[str, str], Sequence[str]], int]
"""A function of the environment and of what stands behind the verb, which returns an exit code."""


def without_arguments(service: str, name: str, act: Callable[[Mapping[str, str]], int]) -> Verb:
    """Make a verb of what takes no arguments, and refuses them."""

    def verb(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
        if arguments:
            sys.stderr.write(f"usage: python -m services.{service} {name}\n")
            return 2
        return act(environ)

    return verb


def dispatch(
    service: str, verbs: Mapping[str, Verb], environ: Mapping[str, str], arguments: Sequence[str]
) -> int:
    """Do what the verb says that comes first; 2 when there is none of that name."""
    verb = verbs.get(arguments[0])
    if verb is None:
        sys.stderr.write(f"usage: python -m services.{service} [{' | '.join(verbs)}]\n")
        return 2
    return verb(environ, arguments[1:])
