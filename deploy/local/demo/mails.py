"""The demonstration's mails: each a `.json` beside this file, its bodies in files that it names."""

from __future__ import annotations

import json
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
REFUSING_ADDRESS = "kim@private.example"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as the rewriter's door takes it."""

    name: str
    body: dict[str, Any]


def load(name: str) -> Mail:
    """Read one mail, with its HTML and text put in place of their files' names."""
    folder = files("deploy.local.demo").joinpath("mails")
    body: dict[str, Any] = json.loads(folder.joinpath(f"{name}.json").read_text("utf-8"))
    for part in ("html", "text"):
        if part in body:
            body[part] = folder.joinpath(body[part]).read_text("utf-8")
    return Mail(name, body)
