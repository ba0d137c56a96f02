"""What a comparison found, written for a person and for a machine. Pure."""

from collections.abc import Sequence
from typing import Any, Final

from services.projector.rebuild.comparing import Compared, Difference

_HEAD: Final = ("read model", "live", "beside", "gone", "new", "changed", "tenants")


def table(found: Sequence[Compared]) -> str:
    """Write what a switch would change, a line for each read model, then some of the rows."""
    rows: list[tuple[str, ...]] = [_HEAD]
    rows += [
        (
            one.table,
            f"{one.live_rows:,}",
            f"{one.beside_rows:,}",
            *(
                ("", "", "", "the same")
                if one.same
                else (f"{one.gone:,}", f"{one.new:,}", f"{one.changed:,}", f"{len(one.tenants):,}")
            ),
        )
        for one in found
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    lines = [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(widths[n + 1]) for n, cell in enumerate(row[1:])),
            ]
        ).rstrip()
        for row in rows
    ]
    for one in found:
        lines += [f"  {one.table} {_told(row)}" for row in one.sample]
    return "\n".join(lines)


def _told(row: Difference) -> str:
    key = " ".join(f"{name}={value}" for name, value in row.key.items())
    match row.only:
        case "live":
            return f"{key}: would be gone"
        case "beside":
            return f"{key}: would be new"
        case _:
            changes = (f"{name} {old} -> {new}" for name, (old, new) in row.columns.items())
            return f"{key}: {', '.join(changes)}"


def shape(found: Sequence[Compared]) -> list[dict[str, Any]]:
    """Lay out the same for a machine."""
    return [
        {
            "table": one.table,
            "same": one.same,
            "live_rows": one.live_rows,
            "beside_rows": one.beside_rows,
            "gone": one.gone,
            "new": one.new,
            "changed": one.changed,
            "tenants": list(one.tenants),
            "sample": [
                {
                    "key": dict(row.key),
                    "only": row.only,
                    "columns": {name: list(pair) for name, pair in row.columns.items()},
                }
                for row in one.sample
            ],
        }
        for one in found
    ]
