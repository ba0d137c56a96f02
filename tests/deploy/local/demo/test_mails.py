import base64
import email
import email.policy

from deploy.local.demo.mails import (
    ANSWERS,
    NAMES,
    RAW_NAME,
    REFUSING_ADDRESS,
    answer,
    left_as_they_were,
    load,
    load_raw,
)

FOLLOWABLE = {"account", "contact", "lead"}


def _kinds(name: str) -> set[str]:
    return {each["kind"] for each in load(name).body["to"]}


def test_every_mail_has_its_bodies_in_place_of_their_files() -> None:
    for name in NAMES:
        body = load(name).body
        assert "html" in body or "text" in body
        assert not body.get("html", "").endswith(".html")
        assert not body.get("text", "").endswith(".txt")


def test_the_mails_show_each_case_that_a_newcomer_should_see() -> None:
    bodies = {name: load(name).body for name in NAMES}
    assert "href" in bodies["offer"]["html"]
    assert {bodies[f"newsletter-{each}"]["template"]["id"] for each in (1, 2, 3)} == {"autumn"}
    assert bodies["minutes"]["cc"]
    assert bodies["refused"]["to"][0]["address"] == REFUSING_ADDRESS
    assert _kinds("colleagues").isdisjoint(FOLLOWABLE)
    assert "html" not in bodies["plain"]


def test_the_offer_has_one_file_to_be_followed_and_one_to_be_attached() -> None:
    files = load("offer").body["attachments"]
    assert [each.get("followed", False) for each in files] == [True, False]
    assert base64.b64decode(files[0]["content"]).startswith(b"%PDF")


def test_what_comes_back_answers_the_mail_it_is_given() -> None:
    for name, file in ANSWERS.items():
        assert name in NAMES
        raw = answer(file, "<offer@demo.example>", "1")
        assert b"In-Reply-To: <offer@demo.example>\r\n" in raw
        assert b"{" not in raw


def test_the_raw_mail_has_what_damages_mails_elsewhere() -> None:
    raw = load_raw(RAW_NAME)
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds == [
        *("multipart/mixed", "multipart/alternative", "text/plain", "text/html"),
        "application/pdf",
    ]
    html = mail.get_body(("html",))
    assert html is not None
    assert html["Content-Transfer-Encoding"] == "quoted-printable"
    assert "<v:roundrect href=" in html.get_content()
    assert b"week=\r\n=3D49" in raw
    assert {name for name in mail if name.startswith("Inkling-")} == {
        *("Inkling-Owner", "Inkling-Recipients", "Inkling-Follow-Attachments")
    }


def test_lines_left_as_they_were_are_counted() -> None:
    assert left_as_they_were(b"a\r\nb\r\nb\r\n", b"b\r\nc\r\na\r\n") == (2, 3)
    assert left_as_they_were(b"", b"c\r\n") == (0, 0)
