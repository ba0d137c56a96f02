"""The `Inkling-…` headers of a mail: what a JSON body says in fields of its own. `docs/mail.md` has their grammar.

Read into the members of such a body, so that both forms are held to the same document. They never leave: `copies`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.rewriter.faults import Fault
from services.rewriter.mailboxes import shown

PREFIX: Final = "inkling-"
# Five hundred recipients with all that can be said of them fit into one.
MAX_CHARACTERS: Final = 512 * 1024
OWNER: Final = "Inkling-Owner"
RECIPIENTS: Final = "Inkling-Recipients"
FOLLOW_ATTACHMENTS: Final = "Inkling-Follow-Attachments"
LABEL: Final = "Inkling-Label"
TEMPLATE: Final = "Inkling-Template"
HEADER_OF: Final = {
    "owner": OWNER,
    "template": TEMPLATE,
    "regarding": "Inkling-Regarding",
    "labels": LABEL,
    "follow": "Inkling-Follow",
    "renditions": "Inkling-Renditions",
    "host_pictures": "Inkling-Host-Pictures",
    "if_unavailable": "Inkling-If-Unavailable",
}
_REPEATABLE: Final = frozenset({LABEL.lower(), RECIPIENTS.lower()})
_YES_OR_NO: Final = {"yes": True, "no": False}
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_PIECE: Final = re.compile(r'"(?:[^"\\]++|\\.)*"|[^",;]++|[,;]|"', re.DOTALL)
_PARAMETERS: Final = ("id", "kind", "name", "time-zone", "follow", "field")


@dataclass(slots=True, kw_only=True)
class Options:
    """What the headers ask: members of a body, those of recipients by address, and which files are to be followed.

    `files` holds indices and names, `all_files` says that every one is meant.
    """

    body: dict[str, Any] = field(default_factory=dict)
    recipients: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    files: list[int | str] = field(default_factory=list)
    all_files: bool = False
    faults: list[Fault] = field(default_factory=list)


def read(fields: Iterable[tuple[str, str]]) -> Options:
    """Read the options among the fields of a mail, values unfolded and not decoded; faults name the header."""
    options = Options()
    seen: set[str] = set()
    for name, value in fields:
        lower = name.lower()
        if not lower.startswith(PREFIX):
            continue
        reader = _READERS.get(lower)
        if reader is None:
            options.faults.append(Fault(field=name, detail=_unknown(lower), known=False))
        elif len(value) > MAX_CHARACTERS:
            options.faults.append(Fault(field=name, detail="This header is too long."))
        elif lower in seen and lower not in _REPEATABLE:
            options.faults.append(
                Fault(field=name, detail="This header may stand there once only.")
            )
        else:
            try:
                reader(options, value.strip())
            except ValueError as error:
                options.faults.append(Fault(field=name, detail=str(error)))
        seen.add(lower)
    return options


def _unknown(lower: str) -> str:
    if lower == "inkling-send-at":
        return "Mail is not held for a later time here; leave this header out."
    return "There is no such option."


def _text(member: str) -> "_Reader":
    def reader(options: Options, value: str) -> None:
        options.body[member] = _unquoted(value)

    return reader


def _word(member: str) -> "_Reader":
    def reader(options: Options, value: str) -> None:
        options.body[member] = value.lower()

    return reader


def _choice(member: str) -> "_Reader":
    def reader(options: Options, value: str) -> None:
        if value.lower() not in _YES_OR_NO:
            raise ValueError("This must be yes or no.")
        options.body[member] = _YES_OR_NO[value.lower()]

    return reader


def _template(options: Options, value: str) -> None:
    (entry,) = _entries(value, ",", most=1)
    options.body["template"] = {
        "id": _unquoted(entry[0]),
        **_parameters(entry, ("name", "version")),
    }


def _label(options: Options, value: str) -> None:
    key, equals, content = shown(value).partition("=")
    if not equals:
        raise ValueError("This must be key=value.")
    labels = options.body.setdefault("labels", {})
    if (named := _unquoted(key)) in labels:
        raise ValueError("Another label has this key.")
    labels[named] = _unquoted(content)


def _recipients(options: Options, value: str) -> None:
    for entry in _entries(value, ","):
        address = entry[0].strip()
        if address.startswith("<") and address.endswith(">"):
            address = address[1:-1].strip()
        found = _parameters(entry, _PARAMETERS)
        if found.get("field", "bcc").lower() != "bcc":
            raise ValueError(
                "`field` can only be bcc: To and Cc are told by the mail's own headers."
            )
        if "time-zone" in found:
            found["time_zone"] = found.pop("time-zone")
        options.recipients.append((address, found))


def _follow_attachments(options: Options, value: str) -> None:
    if value.lower() in ("all", "none"):
        options.all_files = value.lower() == "all"
        return
    for (one,) in _entries(value, ",", parameters=False):
        bare = one.strip()
        options.files.append(int(bare) if bare.isdecimal() and len(bare) < 6 else _unquoted(bare))


def _entries(
    value: str, comma: str, most: int | None = None, parameters: bool = True
) -> Iterator[list[str]]:
    """Cut a value at its commas, and each entry at its semicolons, outside of quotes."""
    entries: list[list[str]] = [[""]]
    for found in _PIECE.finditer(value):
        piece = found[0]
        if piece == '"':
            raise ValueError("A quote does not end.")
        if piece == comma and most is None:
            entries.append([""])
        elif piece == ";" and parameters:
            entries[-1].append("")
        else:
            entries[-1][-1] += piece
    kept = [entry for entry in entries if entry[0].strip()]
    if not kept:
        raise ValueError("There is nothing in it.")
    return iter(kept)


def _parameters(entry: list[str], known: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in entry[1:]:
        name, equals, value = one.partition("=")
        key = name.strip().lower().replace("_", "-")
        if not one.strip():
            continue
        if not equals or key not in known or key in found:
            raise ValueError(
                f"After a semicolon stands one of {', '.join(known)}, once, with = and a value."
            )
        found[key] = _unquoted(value)
    return found


def _unquoted(text: str) -> str:
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = _ESCAPED.sub(r"\1", bare[1:-1])
    return shown(bare)


_Reader = Callable[[Options, str], None]
_READERS: Final[Mapping[str, _Reader]] = {
    OWNER.lower(): _text("owner"),
    TEMPLATE.lower(): _template,
    "inkling-regarding": _text("regarding"),
    LABEL.lower(): _label,
    "inkling-follow": _choice("follow"),
    FOLLOW_ATTACHMENTS.lower(): _follow_attachments,
    RECIPIENTS.lower(): _recipients,
    "inkling-renditions": _word("renditions"),
    "inkling-host-pictures": _choice("host_pictures"),
    "inkling-if-unavailable": _word("if_unavailable"),
}

NAMES: Final = frozenset(_READERS)
