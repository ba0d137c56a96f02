import pytest

from services.rewriter import options


def test_options_become_members_of_a_body() -> None:
    found = options.read(
        [
            ("Subject", "x"),
            ("inkling-owner", " ana "),
            ("Inkling-Template", 'intro-3; name="a; b"; version=2'),
            ("Inkling-Follow", "Yes"),
            ("Inkling-Label", "step=1"),
            ("Inkling-Label", "of = a=b"),
            ("Inkling-Renditions", "Message"),
            ("Inkling-Follow-Attachments", '2, "a, b.pdf", offer 1.pdf, "3"'),
        ]
    )
    assert found.faults == []
    assert found.body == {
        "owner": "ana",
        "template": {"id": "intro-3", "name": "a; b", "version": "2"},
        "follow": True,
        "labels": {"step": "1", "of": "a=b"},
        "renditions": "message",
    }
    assert (found.files, found.all_files) == ([2, "a, b.pdf", "offer 1.pdf", "3"], False)


def test_recipients_are_told_by_address() -> None:
    found = options.read(
        [
            (
                "Inkling-Recipients",
                'a@x.example; id="c,1"; Kind=contact, <b@x.example>; time_zone=UTC',
            ),
            ("Inkling-Recipients", "c@x.example; field=bcc; follow=do_not_allow;"),
        ]
    )
    assert found.faults == []
    assert found.recipients == [
        ("a@x.example", {"id": "c,1", "kind": "contact"}),
        ("b@x.example", {"time_zone": "UTC"}),
        ("c@x.example", {"field": "bcc", "follow": "do_not_allow"}),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Inkling-Recipients", ""),
        ("Inkling-Recipients", "a@x.example; id"),
        ("Inkling-Recipients", "a@x.example; colour=red"),
        ("Inkling-Recipients", "a@x.example; id=1; id=2"),
        ("Inkling-Recipients", "a@x.example; field=to"),
        ("Inkling-Recipients", 'a@x.example; id="1'),
        ("Inkling-Template", ""),
        ("Inkling-Label", "step"),
        ("Inkling-Follow", "true"),
        ("Inkling-Nothing", "x"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, value: str) -> None:
    (fault,) = options.read([(name, value)]).faults
    assert (fault.field, fault.known) == (name, name != "Inkling-Nothing")
    assert fault.detail.endswith(".")


def test_a_label_or_an_option_twice_is_one_too_many() -> None:
    twice = [
        ("Inkling-Label", "a=1"),
        ("Inkling-Label", "a=2"),
        ("Inkling-Owner", "a"),
        ("inkling-owner", "a"),
    ]
    assert [one.field for one in options.read(twice).faults] == ["Inkling-Label", "inkling-owner"]


@pytest.mark.parametrize(("value", "every"), [("all", True), ("None", False)])
def test_all_files_or_none(value: str, every: bool) -> None:
    found = options.read([("Inkling-Follow-Attachments", value)])
    assert (found.all_files, found.files, found.faults) == (every, [], [])


def test_an_option_without_end_is_not_looked_at() -> None:
    assert (
        options.read([("Inkling-Label", "a=" + "b" * 600_000)]).faults[0].field == "Inkling-Label"
    )
