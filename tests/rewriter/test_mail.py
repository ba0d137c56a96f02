import base64
from typing import Any

import pytest

from schemas.events import AddressField, RecipientKind, Renditions, Template
from services.rewriter.faults import BadFields
from services.rewriter.web import openapi
from services.runtime.web import Validator
from tests.rewriter.given import a_body, a_mail, a_recipient

FILE = {"name": "offer.pdf", "content": base64.b64encode(b"%PDF" * 100).decode()}


def test_what_is_left_out_takes_its_default() -> None:
    mail = a_mail(to=[{"address": "p@c.example"}], html=None, text=None, subject=None)
    (one,) = mail.recipients
    assert (one.kind, one.field, one.refuses) == (RecipientKind.OTHER, AddressField.TO, False)
    assert (mail.subject, mail.html, mail.text) == ("", None, None)
    assert (mail.follow, mail.renditions) == (True, Renditions.RECIPIENT)
    assert not mail.passes_unavailable


def test_everything_that_can_be_said_is_read() -> None:
    mail = a_mail(
        template={"id": "intro-3", "name": "Intro", "version": "2"},
        regarding="opportunity-9",
        labels={"step": "1"},
        follow=False,
        renditions="message",
        if_unavailable="pass",
        headers={"message-id": "<a@b>", "X-A": "b\tc"},
        attachments=[
            {**FILE, "content_id": "<c@d>"},
            {**FILE, "content_type": "application/pdf", "followed": True},
        ],
        host_pictures=True,
    )
    assert mail.template == Template(id="intro-3", name="Intro", version="2")
    assert (mail.regarding, mail.labels) == ("opportunity-9", {"step": "1"})
    assert (mail.follow, mail.renditions) == (False, Renditions.MESSAGE)
    assert mail.passes_unavailable
    assert mail.hosts_pictures
    assert [one.content_id for one in mail.attachments] == ["c@d", None]
    assert mail.headers == {"Message-ID": "<a@b>", "X-A": "b\tc"}
    assert [(one.size, one.wanted, one.content_type) for one in mail.attachments] == [
        (400, False, "application/octet-stream"),
        (400, True, "application/pdf"),
    ]


def test_an_address_counts_where_it_stands_first_and_a_refusal_wherever_it_stands() -> None:
    mail = a_mail(
        to=[a_recipient(1, id="first"), a_recipient(2)],
        cc=[{"address": "P1@Customer.Example", "follow": "do_not_allow", "kind": "lead"}],
        bcc=[a_recipient(2), a_recipient(3)],
    )
    assert [(one.address, one.field, one.id, one.refuses) for one in mail.recipients] == [
        ("p1@customer.example", AddressField.TO, "first", True),
        ("p2@customer.example", AddressField.TO, None, False),
        ("p3@customer.example", AddressField.BCC, None, False),
    ]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"to": []}, ["/to"]),
        ({"to": [a_recipient(n) for n in range(300)], "cc": [a_recipient(n) for n in range(201)]}, ["/to"]),
        ({"to": [a_recipient(1, time_zone="Mars/Olympus")]}, ["/to/0/time_zone"]),
        ({"cc": [a_recipient(2, time_zone="asia/singapore")]}, ["/cc/0/time_zone"]),
        ({"headers": {"X-A": "1", "x-a": "2"}}, ["/headers/x-a"]),
        ({"headers": {"Bcc": "eve@evil.example"}}, ["/headers/Bcc"]),
        ({"headers": {"content-type": "text/html"}}, ["/headers/content-type"]),
        ({"headers": {"MIME-Version": "1.0"}}, ["/headers/MIME-Version"]),
        ({"headers": {"Message-ID": "<a b>"}}, ["/headers/Message-ID"]),
        ({"headers": {"Message-ID": "<>"}}, ["/headers/Message-ID"]),
        ({"headers": {"Message-ID": "<a@b> <c@d>"}}, ["/headers/Message-ID"]),
        ({"headers": {"Message-ID": "x" * 901}}, ["/headers/Message-ID"]),
        ({"headers": {"Subject~/x": "1", "subject": "2"}}, ["/headers/subject"]),
        ({"attachments": [FILE, {**FILE, "content": "&&&"}]}, ["/attachments/1/content"]),
        ({"attachments": [{**FILE, "content": "QQ"}]}, ["/attachments/0/content"]),
        ({"attachments": [{**FILE, "content": "QQ==\n"}]}, ["/attachments/0/content"]),
        ({"attachments": [{**FILE, "content": "QQ=="*2}]}, ["/attachments/0/content"]),
        ({"attachments": [{**FILE, "content": "QUI=" + "QUJD" * 400_000}]}, ["/attachments/0/content"]),
        ({"attachments": [{**FILE, "content": "Ä"}]}, ["/attachments/0/content"]),
        ({"to": [], "headers": {"To": "x"}}, ["/to", "/headers/To"]),
    ],
)  # fmt: skip
def test_what_no_schema_forbids_is_refused_by_name(
    changes: dict[str, Any], fields: list[str]
) -> None:
    body = a_body(**changes)
    assert Validator(openapi(), "Mail").errors(body) == []
    with pytest.raises(BadFields) as refused:
        a_mail(**changes)
    assert [one.field for one in refused.value.faults] == fields


@pytest.mark.parametrize("zone", ["Asia/Singapore", "UTC", "America/Argentina/Buenos_Aires"])
def test_zones_that_exist_are_taken(zone: str) -> None:
    assert a_mail(to=[a_recipient(1, time_zone=zone)]).recipients[0].time_zone == zone


def test_an_empty_file_has_no_bytes() -> None:
    assert a_mail(attachments=[{**FILE, "content": ""}]).attachments[0].size == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"owner": ""}, "/owner"),
        ({"owner": "a\x1bb"}, "/owner"),
        ({"owner": None}, "/owner"),
        ({"from": "ana@demo.example"}, "/from"),
        ({"subject": "a\r\nBcc: b@c"}, "/subject"),
        ({"subject": "x" * 2001}, "/subject"),
        ({"html": "x" * 16_777_217}, "/html"),
        ({"headers": {"X-A": "b\r\nBcc: eve@evil.example"}}, "/headers/X-A"),
        ({"headers": {"X-A": "b\u2028c"}}, "/headers/X-A"),
        ({"headers": {"X A": "b"}}, "/headers"),
        ({"headers": {"X-A:": "b"}}, "/headers"),
        ({"headers": {"": "b"}}, "/headers"),
        ({"headers": {"X-Ä": "b"}}, "/headers"),
        ({"headers": {f"X-{n}": "" for n in range(101)}}, "/headers"),
        ({"headers": {"X-A": ["b"]}}, "/headers/X-A"),
        ({"to": {"address": "a@b.example"}}, "/to"),
        ({"to": [{"address": "a@b@c"}]}, "/to/0/address"),
        ({"to": [{"address": "a b@c.example"}]}, "/to/0/address"),
        ({"to": [{"address": "a@b.example\nBcc: x@y"}]}, "/to/0/address"),
        ({"to": [{"address": "Li <a@b.example>"}]}, "/to/0/address"),
        ({"to": [{"address": "@b.example"}]}, "/to/0/address"),
        ({"to": [{"address": "a" * 320 + "@b"}]}, "/to/0/address"),
        ({"to": [{"address": 7}]}, "/to/0/address"),
        ({"to": [a_recipient(1, kind="robot")]}, "/to/0/kind"),
        ({"to": [a_recipient(1, follow="no")]}, "/to/0/follow"),
        ({"to": [a_recipient(1, colour="red")]}, "/to/0/colour"),
        ({"to": [a_recipient(1, id="")]}, "/to/0/id"),
        ({"to": [a_recipient(n) for n in range(501)]}, "/to"),
        ({"attachments": [FILE] * 101}, "/attachments"),
        ({"attachments": [{"name": "a\nb", "content": ""}]}, "/attachments/0/name"),
        ({"attachments": [{**FILE, "content_type": "pdf"}]}, "/attachments/0/content_type"),
        ({"attachments": [{**FILE, "content_type": "a/b\r\nX: y"}]}, "/attachments/0/content_type"),
        ({"attachments": [{"name": "a"}]}, "/attachments/0/content"),
        ({"labels": {str(n): "" for n in range(17)}}, "/labels"),
        ({"labels": {"step": 1}}, "/labels/step"),
        ({"template": "intro"}, "/template"),
        ({"template": {"name": "x"}}, "/template/id"),
        ({"template": {"id": "x", "colour": "y"}}, "/template/colour"),
        ({"regarding": ""}, "/regarding"),
        ({"follow": "yes"}, "/follow"),
        ({"renditions": "both"}, "/renditions"),
        ({"if_unavailable": "drop"}, "/if_unavailable"),
        ({"colour": "red"}, "/colour"),
    ],
)  # fmt: skip
def test_the_document_refuses_what_is_no_mail(changes: dict[str, Any], field: str) -> None:
    errors = Validator(openapi(), "Mail").errors(a_body(**changes))
    assert [one.field for one in errors] == [field]


@pytest.mark.parametrize(
    "address", ["a@b", "o'neil+x@c.example", "δοκιμή@παράδειγμα.ελ", "x@[192.0.2.1]", "a/b=c@d.example"]
)  # fmt: skip
def test_addresses_that_exist_are_taken(address: str) -> None:
    assert Validator(openapi(), "Address").errors(address) == []


def test_a_large_file_is_measured_and_decoded_in_pieces() -> None:
    raw = bytes(range(256)) * 10_000
    (file,) = a_mail(
        attachments=[{"name": "a", "content": base64.b64encode(raw).decode()}]
    ).attachments
    assert (file.size, file.head()[:4]) == (len(raw), bytes(range(4)))
    pieces = list(file.chunks())
    assert len(pieces) > 3
    assert b"".join(pieces) == raw


def test_the_addresses_with_which_a_person_leaves_the_list_are_known() -> None:
    value = "<https://demo.example/u?x=1>, <mailto:u@demo.example>, (c) <https://demo.example/ two>"
    found = a_mail(headers={"List-unsubscribe": value, "X-Other": "<https://x.example/>"})
    assert found.unsubscribe_urls == ("https://demo.example/u?x=1", "https://demo.example/two")
    assert a_mail().unsubscribe_urls == ()
