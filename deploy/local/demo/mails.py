"""The demonstration's mails: each a `.json` in `mails/`, its bodies and attachments in files that it names; one raw."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

# In the order in which they are handed in.
NAMES = (
    "offer",
    "newsletter-1",
    "newsletter-2",
    "newsletter-3",
    "minutes",
    "refused",
    "colleagues",
    "plain",
)
# A mail as a mail system has it, options in its headers.
RAW_NAME = "service"
REFUSING_ADDRESS = "kim@private.example"
# What comes back: which mail it answers, and the file that it lies in.
ANSWERS = {"newsletter-1": "reply.eml", "newsletter-2": "away.eml"}

_FOLDER = files("deploy.local.demo").joinpath("mails")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as the rewriter's door takes it."""

    name: str
    body: dict[str, Any]


def load(name: str) -> Mail:
    """Read one mail, with the content of its files put in place of their names."""
    body: dict[str, Any] = json.loads(_FOLDER.joinpath(f"{name}.json").read_text("utf-8"))
    for part in ("html", "text"):
        if part in body:
            body[part] = _FOLDER.joinpath(body[part]).read_text("utf-8")
    for attachment in body.get("attachments", ()):
        content = _FOLDER.joinpath(attachment["content"]).read_bytes()
        attachment["content"] = base64.b64encode(content).decode("ascii")
    return Mail(name, body)


def load_raw(name: str) -> bytes:
    """Read one raw mail, its line ends as mail is sent with."""
    return _FOLDER.joinpath(f"{name}.eml").read_bytes().replace(b"\n", b"\r\n")


def left_as_they_were(raw: bytes, followed: bytes) -> tuple[int, int]:
    """How many lines of a mail are lines of what came back, and how many it has."""
    before, after = Counter(raw.splitlines()), Counter(followed.splitlines())
    return (before & after).total(), before.total()


def answer(file: str, message_id: str, unique: str) -> bytes:
    """Read a mail that comes back, as the answer to that `Message-ID`."""
    text = _FOLDER.joinpath(file).read_text("utf-8")
    filled = text.replace("{message_id}", message_id).replace("{unique}", unique)
    return filled.replace("\n", "\r\n").encode("utf-8")
