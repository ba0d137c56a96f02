"""How operators are shown what there is."""

from services.runtime.operator.tables import aligned, counted, instant, readable


def test_columns_are_as_wide_as_their_widest_cell_and_nothing_moves_the_cursor() -> None:
    laid = aligned(("A", "LONG"), [("wider", None), (1, "x\x1b[2J\ny")])
    assert laid == "A      LONG\nwider  -\n1      x?[2J?y\n"


def test_instants_bytes_and_counts_are_written_for_people() -> None:
    assert instant(1_767_225_600_000_000) == "2026-01-01T00:00:00Z"
    assert instant(None) is None
    assert readable(b"text") == "text"
    assert readable(b"\xff") == {"base64": "/w=="}
    assert readable(None) is None
    assert counted({"late": 2, "schema": 5, "key": 2}) == "schema 5, key 2, late 2"
    assert counted({}) == "none"
