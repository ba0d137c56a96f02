from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.personal import Mailbox
from services.rewriter import mailboxes
from services.rewriter.mailboxes import Unreadable


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("li@x.example", [("li@x.example", None)]),
        ("Li Wang <li@x.example>, bo@y.example", [("li@x.example", "Li Wang"), ("bo@y.example", None)]),
        ('"Wang, \\"Li\\"" <li@x.example>', [("li@x.example", 'Wang, "Li"')]),
        ("=?utf-8?q?M=C3=BCller=2C?= =?utf-8?b?QQ==?= <m@x.example>", [("m@x.example", "Müller,A")]),
        ('"=?utf-8?q?M=C3=BC?=" <m@x.example>', [("m@x.example", "Mü")]),
        ("Zoë <zoë@bücher.example>", [("zoë@bücher.example", "Zoë")]),
        ("li@x.example (Li (the first) Wang)", [("li@x.example", "Li (the first) Wang")]),
        ("(c) Li (d) <li(e)@x.example>", [("li@x.example", "Li")]),
        ("Us: a@x.example, B <b@x.example>; c@x", [("a@x.example", None), ("b@x.example", "B"), ("c@x", None)]),
        ("undisclosed-recipients:;", []),
        ("", []),
        (",, a@x.example ,", [("a@x.example", None)]),
        ("a@x.example; b@x.example", [("a@x.example", None), ("b@x.example", None)]),
        ("<@one.example,@two.example:a@x.example>", [("a@x.example", None)]),
        ("a . b @ x.example", [("a.b@x.example", None)]),
        ('"a.b"@x.example', [("a.b@x.example", None)]),
        ("<a@[192.0.2.1]>, b@[IPv6:::1]", [("a@[192.0.2.1]", None), ("b@[IPv6:::1]", None)]),
        ("a@b@x.example", [("a@b@x.example", None)]),
    ],
)  # fmt: skip
def test_mailboxes_are_read_as_people_and_programs_write_them(
    value: str, found: list[tuple[str, str | None]]
) -> None:
    assert [(one.address, one.name) for one in mailboxes.read(value)] == found


@pytest.mark.parametrize(
    "value",
    ["Li Wang", "Wang, Li <li@x.example>", '"Li <li@x.example>', "Li <li@x.example", "<a@x.example> b",
     "a@x.example (never ends", "<>", "@x.example", "a@", "li@x.example\\"],
)  # fmt: skip
def test_what_nobody_can_tell_for_certain_is_not_guessed(value: str) -> None:
    with pytest.raises(Unreadable):
        mailboxes.read(value)


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20).filter(
    lambda name: "=?" not in name
)


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_what_was_written_is_read(names: list[str]) -> None:
    given_ones = [Mailbox(address=f"p{n}@x.example", name=name) for n, name in enumerate(names)]
    written = ", ".join(mailboxes.write(one.name, one.address) for one in given_ones)
    assert mailboxes.read(written) == given_ones


@given(st.text(st.sampled_from('a@.<>()[]",;:\\ \t=?'), max_size=60))
def test_nothing_but_unreadable_is_raised(value: str) -> None:
    try:
        for one in mailboxes.read(value):
            assert "@" in one.address
    except Unreadable:
        pass


@pytest.mark.parametrize("piece", ["(", '"', "\\(", "<", "a@b.example,", "[", "a ", "(a)"])
def test_a_flood_costs_one_pass(piece: str) -> None:
    with suppress(Unreadable):
        mailboxes.read(piece * (200_000 // len(piece)))


def test_a_name_is_shown_without_controls_and_quoted_where_it_must_be() -> None:
    assert mailboxes.shown("a\r\n b\tc\x00") == "a b c"
    assert mailboxes.write(None, "a@b") == "a@b"
    assert mailboxes.write('J. "D"', "a@b") == '"J. \\"D\\"" <a@b>'


def test_a_field_without_end_is_not_looked_at() -> None:
    with pytest.raises(Unreadable):
        mailboxes.read("a@x.example," * 50_000)
