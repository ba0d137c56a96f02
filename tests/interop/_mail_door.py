"""The rewriter's door for whole mails, as any mail system would knock on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.utils import getaddresses
from http import HTTPStatus
from typing import Any, Final

from tests.interop._mails import TO, Sample
from tests.support.doors import Answer, Doors

MAIL: Final = "message/rfc822"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A mail as it was handed in and as it came back; why, where it was not followed or not even taken."""

    sample: Sample
    raw: bytes
    followed: bool
    taken: bool
    reason: str


async def follow(doors: Doors, sample: Sample) -> Copy:
    """Hand a mail in, and take the one copy that leaves."""
    answer = await _post(doors, sample, MAIL)
    taken = answer.status == HTTPStatus.CREATED
    refusal = (
        "" if taken else f"{answer.status} {answer.json.get('errors') or answer.json['detail']}"
    )
    return Copy(
        sample=sample,
        raw=answer.body,
        followed=answer.headers.get("Inkling-Followed") == "yes",
        taken=taken,
        reason=answer.headers.get("Inkling-Reason", refusal),
    )


async def choose(doors: Doors) -> None:
    """Have a tenant choose what may be chosen of how mail is followed."""
    wanted = {
        "engagement": True,
        "policy": "recipient",
        "pixel_position": "start",
        "text_links": True,
        "canary": True,
    }
    answer = await doors.call("rewriter", "/v1/tenant", method="PUT", role="admin", json=wanted)
    assert answer.status == HTTPStatus.OK, answer


async def told(doors: Doors, sample: Sample) -> Mapping[str, Any]:
    """Hand a mail in and take the answer that says what became of it."""
    answer = await _post(doors, sample, "application/json")
    assert answer.status == HTTPStatus.CREATED, answer
    said: Mapping[str, Any] = answer.json
    return said


async def _post(doors: Doors, sample: Sample, accepted: str) -> Answer:
    return await doors.call(
        "rewriter",
        "/v1/mail",
        method="POST",
        role="sender",
        data=_asking(sample),
        headers={"Content-Type": MAIL, "Accept": accepted},
    )


def _asking(sample: Sample) -> bytes:
    """Put before a mail what a sender asks of us, in its own line ends; after the line that a mailbox has before it."""
    line_end = b"\r\n" if b"\r\n" in sample.raw else b"\n"
    head = sample.raw.find(b"\n") + 1 if sample.raw.startswith(b"From ") else 0
    wanted = {
        b"Inkling-Recipients": _recipients(sample.raw[head:]),
        b"Inkling-Owner": b"ana",
        # However many it goes to, one copy is sent.
        b"Inkling-Renditions": b"message",
        **({b"Inkling-Follow-Attachments": b"all"} if sample.files else {}),
    }
    lines = [
        name + b": " + value + line_end
        for name, value in wanted.items()
        if name.lower() not in sample.raw.lower()
    ]
    return b"".join([sample.raw[:head], *lines, sample.raw[head:]])


def _recipients(raw: bytes) -> bytes:
    """Say that everybody is a contact; a mail that names nobody goes to somebody hidden."""
    header = message_from_bytes(raw, policy=policy.compat32)
    named = getaddresses([str(one) for name in ("to", "cc") for one in header.get_all(name, [])])
    found = [f"{address}; kind=contact" for _, address in named if address]
    return ", ".join(found or [f"{TO}; kind=contact; field=bcc"]).encode()
