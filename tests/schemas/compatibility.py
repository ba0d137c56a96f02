"""When is a schema's change safe for every reader and every event there is? Judged against the released copy."""

from collections.abc import Iterator, Mapping
from typing import Any

WORDS_FOR_PEOPLE = {"description", "title", "$comment"}


def breaks(released: Any, current: Any, where: str = "") -> Iterator[str]:
    """Name each place where ``current`` could refuse an old event, or write one that an old reader refuses.

    Allowed: words for people, and new optional properties. Everything else wants a new type.
    """
    if not isinstance(released, Mapping) or not isinstance(current, Mapping):
        if released != current:
            yield f"{where}: changed"
        return
    for keyword in sorted((set(released) | set(current)) - WORDS_FOR_PEOPLE):
        yield from _keyword(keyword, released.get(keyword), current.get(keyword), where)


def _keyword(keyword: str, released: Any, current: Any, where: str) -> Iterator[str]:
    if keyword == "properties" and isinstance(released, Mapping) and isinstance(current, Mapping):
        for name in sorted(released):
            if name not in current:
                yield f"{where}/{name}: removed"
            else:
                yield from breaks(released[name], current[name], f"{where}/{name}")
    elif keyword == "required":
        if sorted(released or []) != sorted(current or []):
            yield f"{where}: required members changed"
    else:
        yield from breaks(released, current, f"{where}.{keyword}")
