"""How operators are shown what there is: aligned text, or JSON for machines. Pure."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any


def aligned(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay a table out in columns, each as wide as its widest cell; None is a dash."""
    lines = [list(heads), *([_cell(one) for one in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    laid = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in laid) + "\n"


def instant(microseconds: int | None) -> str | None:
    """Write an instant as RFC 3339 in UTC, to the second."""
    if microseconds is None:
        return None
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def readable(data: bytes | None) -> Any:
    """Return bytes as text where they are text, and as base64 where not; None stays."""
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def counted(numbers: Mapping[str, int]) -> str:
    """Write counts as one line, the largest first."""
    ordered = sorted(numbers.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{name} {number}" for name, number in ordered) or "none"


def _cell(one: object) -> str:
    # What came from the log must not move the cursor of whoever looks at it.
    return "-" if one is None else "".join(c if c.isprintable() else "?" for c in str(one))
