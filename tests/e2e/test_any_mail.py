"""Every mail of the corpus through the real door: what leaves is what came in, and its links lead where they led."""

import base64
import email
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from services.rewriter import mailboxes, mime
from services.rewriter.mime import header
from services.rewriter.mime.edits import FALSIFIED
from tests.support.doors import Answer, Doors

CORPUS = Path(__file__).parents[1] / "rewriter" / "corpus" / "mail"
OPTION = re.compile(rb"^Inkling-[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE)
# Those that have options already get others here.
MAILS = {path.stem: OPTION.sub(b"", path.read_bytes()) for path in sorted(CORPUS.glob("*.eml"))}
REFUSES = "no@customer.example"
# Nobody can tell to whom these are to go.
WITHOUT_RECIPIENTS = {
    "bare_cr_in_header",
    "empty",
    "header_only",
    "junk_in_header",
    "no_blank_line",
}


def with_options(raw: bytes) -> bytes:
    """Have everybody in To followed and somebody hidden not, by headers before all others, behind an mbox's line."""
    at = raw.index(b"\n") + 1 if raw.startswith(b"From ") else 0
    people = [one for value in header.read(raw, at).raw("To") for one in mailboxes.read(value)]
    lines = ["Inkling-Owner: ana", "Inkling-Follow-Attachments: all"]
    lines += [f"Inkling-Recipients: {one.address}; kind=contact" for one in people]
    lines += [f"inkling-recipients: {REFUSES};\r\n field=bcc"] if people else []
    return raw[:at] + "".join(f"{line}\r\n" for line in lines).encode() + raw[at:]


async def hand_in(doors: Doors, raw: bytes) -> Answer:
    sent = {"Content-Type": "message/rfc822", "Idempotency-Key": "k"}
    call = ("rewriter", "/v1/mail")
    return await doors.call(*call, method="POST", role="sender", data=raw, headers=sent)


def of(copy: Any) -> bytes:
    text: str = copy["mime"]
    return base64.b64decode(text) if copy["mime_encoding"] == "base64" else text.encode()


def headers(raw: bytes, followed: bool) -> list[tuple[str, str]]:
    """The fields as Python's parser sees them, less the one that we add, those for us and those that became false."""
    found = email.message_from_bytes(raw).items()
    # A line that would grow beyond 998 octets is written in another encoding: the unit tests say which and how.
    ours = ("message-id", "bcc", "content-transfer-encoding", *(FALSIFIED if followed else ()))
    return [(name, str(value)) for name, value in found if name.lower() not in ours]


def in_a_header(url: str) -> str:
    """Write a URL as a redirect has to (decision 0012)."""
    return "".join(one if "!" <= one <= "~" else quote(one) for one in url)


def parts(raw: bytes) -> Counter[tuple[str, bytes]]:
    """What Python's parser finds in a mail: the type of each part, and the content of what is neither text nor file."""
    walked = email.message_from_bytes(raw).walk()
    return Counter(
        (one.get_content_type(), _content(one))
        for one in walked
        if one.get_content_disposition() != "attachment"
    )


def _content(part: Any) -> bytes:
    if part.is_multipart() or part.get_content_maintype() == "text":
        return b""
    return bytes(part.get_payload(decode=True) or b"")


async def test_every_mail_leaves_as_it_came_and_every_link_leads_on(doors: Doors) -> None:
    refused, followed, seen = set(), 0, Counter[str]()
    address = re.compile(re.escape(doors.stack.url("tracker")) + r"/c/[A-Za-z0-9_-]+")
    for name, raw in MAILS.items():
        answer = await hand_in(doors, with_options(raw))
        if answer.status == 400:
            assert answer.json["field"] in ("To", "From"), name
            refused.add(name)
            continue
        assert answer.status == 201, (name, answer)
        told = answer.json
        seen[(told["reason"] or {"code": "followed"})["code"]] += 1
        for copy in told["renditions"]:
            left = of(copy)
            assert headers(left, copy["followed"]) == headers(raw, copy["followed"]), name
            assert REFUSES.encode() not in left
            if not copy["followed"]:
                named = _without_ours(left, raw) if told["followed"] else left
                assert named == _without_hidden(raw), name
                continue
            followed += 1
            dropped = [one["name"] for one in told["attachments"] if one["followed"]]
            if not dropped:
                assert parts(left) == parts(raw), name
            bodies = mime.read(left).bodies
            found = [link for body in bodies for link in address.findall(body.text)]
            wanted = [one["url"] for one in told["links"] if one["followed"]]
            assert len(found) == len(wanted), name
            for link, url in list(zip(found, wanted, strict=True))[:5]:
                hit = await doors.hit(link)
                assert (hit.status, hit.headers["Location"]) == (302, in_a_header(url)), name
    assert refused == WITHOUT_RECIPIENTS
    assert followed > 40
    assert {"signed", "encrypted", "malformed", "no_html", "followed"} <= set(seen)


def _without_ours(left: bytes, raw: bytes) -> bytes:
    if mime.read(raw).header.raw("Message-ID"):
        return left
    return re.sub(rb"(?im)^Message-ID:(\r?\n)? <[^>]*>\r?\n", b"", left, count=1)


def _without_hidden(raw: bytes) -> bytes:
    head, blank, rest = re.split(rb"(\r?\n\r?\n)", raw, maxsplit=1)
    return re.sub(rb"(?im)^Bcc:[^\n]*\n([ \t][^\n]*\n)*", b"", head + b"\n")[:-1] + blank + rest
