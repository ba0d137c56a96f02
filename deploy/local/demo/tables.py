"""Tables for a terminal, from what the query API answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDEST = 44


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay rows out in columns as wide as their content, figures to the right."""
    # The last column may run on: it is the one with sentences.
    texts = [[*map(_short, row[:-1]), _text(row[-1])] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *texts, strict=True)]
    right = [
        all(text[:1].isdigit() or text == "-" for text in column)
        for column in zip(*texts, strict=True)
    ]
    lines = [_line(head, widths, right), "  ".join("─" * min(width, WIDEST) for width in widths)]
    return "\n".join([*lines, *(_line(row, widths, right) for row in texts)])


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    aligned = right or [False] * len(widths)
    return "  ".join(
        cell.rjust(width) if to_the_right else cell.ljust(width)
        for cell, width, to_the_right in zip(cells, widths, aligned, strict=True)
    ).rstrip()


def _text(cell: object) -> str:
    return "-" if cell is None else str(cell)


def _short(cell: object) -> str:
    text = _text(cell)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def both(interactions: Mapping[str, Any]) -> str:
    """Write both counts: of everybody, and of people."""
    return f"{interactions['count']} ({interactions['human']['count']})"


def clock_time(instant: str | None) -> str | None:
    """Write the time of day of an RFC 3339 instant."""
    return None if instant is None else f"{instant[:10]} {instant[11:19]}"


def messages(rows: Iterable[Mapping[str, Any]]) -> str:
    """Lay out the followed emails."""
    head = (
        "Subject",
        "Recipient",
        "Status",
        "Opens",
        "Last Opened",
        "Att. Views",
        "Clicks",
        "Replies",
    )
    return table(
        head,
        (
            (
                row["subject"],
                ", ".join(each["name"] or each["address"] for each in row["recipients"]),
                row["status"]["text"],
                both(row["opens"]),
                clock_time(row["opens"]["last_at"]),
                both(row["attachment_views"]),
                both(row["clicks"]),
                both(row["replies"]),
            )
            for row in rows
        ),
    )


def templates(rows: Iterable[Mapping[str, Any]]) -> str:
    """Lay out the templates."""
    head = ("Template", "Email Count", "Followed", "Open Rate", "Reply Rate", "Opens", "Clicks")
    return table(
        head,
        (
            (
                row["name"] or row["id"],
                row["email_count"],
                row["followed_count"],
                percent(row["open_rate"]),
                percent(row["reply_rate"]),
                both(row["opens"]),
                both(row["clicks"]),
            )
            for row in rows
        ),
    )


def percent(rate: Mapping[str, Any] | None) -> str | None:
    """Write a rate with what it was made from."""
    if rate is None or rate["value"] is None:
        return None
    return f"{100 * rate['value']:.0f} % ({rate['numerator']} of {rate['denominator']})"


def refusals(rows: Iterable[Mapping[str, Any]]) -> str:
    """Lay out what was not followed, mail by mail and recipient by recipient, with the reasons."""
    return table(("Subject", "Not followed", "Reason", "In words"), _refusals(rows))


def _refusals(rows: Iterable[Mapping[str, Any]]) -> Iterable[Sequence[object]]:
    for row in rows:
        if not row["followed"] and row["reason"]:
            yield row["subject"], "the mail", row["reason"]["code"], row["reason"]["detail"]
        for each in row["recipients"]:
            if not each["followed"] and each["reason"]:
                who = each["name"] or each["address"]
                yield row["subject"], who, each["reason"]["code"], each["reason"]["detail"]
