"""What a comparison found, on paper."""

from services.projector.rebuild.comparing import Compared, Difference
from services.projector.rebuild.report import shape, table

SAME = Compared(table="link", live_rows=12_345, beside_rows=12_345, tenants=())
OTHER = Compared(
    table="message",
    live_rows=10,
    beside_rows=11,
    tenants=("acme",),
    gone=1,
    new=2,
    changed=3,
    sample=(
        Difference(key={"tenant": "acme", "message_id": "m"}, columns={"opens": (5, 6)}, only=None),
        Difference(key={"tenant": "acme", "message_id": "n"}, columns={}, only="live"),
        Difference(key={"tenant": "acme", "message_id": "o"}, columns={}, only="beside"),
    ),
)


def test_a_person_reads_a_table_and_some_rows() -> None:
    assert table([SAME, OTHER]) == "\n".join(
        [
            "read model    live  beside  gone  new  changed   tenants",
            "link        12,345  12,345                      the same",
            "message         10      11     1    2        3         1",
            "  message tenant=acme message_id=m: opens 5 -> 6",
            "  message tenant=acme message_id=n: would be gone",
            "  message tenant=acme message_id=o: would be new",
        ]
    )


def test_a_machine_reads_the_same() -> None:
    same, other = shape([SAME, OTHER])
    assert same["same"]
    assert (other["gone"], other["new"], other["changed"]) == (1, 2, 3)
    assert other["sample"][0] == {
        "key": {"tenant": "acme", "message_id": "m"},
        "only": None,
        "columns": {"opens": [5, 6]},
    }
