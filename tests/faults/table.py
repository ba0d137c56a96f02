"""The table of faults, as text."""

from collections.abc import Sequence

from tests.faults.ground import Row

_HEADS = ("fault", "seed", "kill point", "acknowledged", "counted", "lost", "doubled")


def write(rows: Sequence[Row]) -> str:
    """Write a line for each row; what else is to be said of it stands below, as does what did not hold."""
    cells = [_cells(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(_HEADS, *cells, strict=True)]
    lines = [_line(_HEADS, widths), "-" * (sum(widths) + 2 * len(widths) - 2)]
    for row, each in zip(rows, cells, strict=True):
        lines.append(_line(each, widths))
        if row.notes:
            lines.append(f"    {row.notes}")
        lines += [f"    DOES NOT HOLD: {sentence}" for sentence in row.broken]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    if row.skipped is not None:
        return (row.fault, str(row.seed), f"skipped: {row.skipped}", "-", "-", "-", "-")
    numbers = (row.acknowledged, row.counted, row.lost, row.doubled)
    return (row.fault, str(row.seed), row.kill_point, *(f"{each:,}" for each in numbers))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = (cell.ljust(width) for cell, width in zip(cells[:3], widths[:3], strict=True))
    numbers = (cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True))
    return "  ".join([*texts, *numbers])
