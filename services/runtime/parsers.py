"""Turns the text of one environment variable into a value, or says in a sentence what it must be.

A refusal completes "NAME …" and never contains the text refused, which may be a secret.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_SERVER = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_DECIMAL = re.compile(r"-?[0-9]{1,18}")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_HEX = re.compile(r"[0-9a-fA-F]*")
_PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class Parser(Generic[T]):
    """Reads one kind of value; `kind` says which, completing "must be …"."""

    kind: str
    parse: Callable[[str], T]


def _checked(kind: str, parse: Callable[[str], T | None]) -> Parser[T]:
    """Make a parser that refuses with its kind whenever `parse` finds nothing."""

    def checked(written: str) -> T:
        value = parse(written)
        if value is None:
            raise ValueError(f"must be {kind}")
        return value

    return Parser(kind, checked)


def text() -> Parser[str]:
    """Any text but none at all, without control characters."""
    return _checked("text", lambda written: written if written and written.isprintable() else None)


def hostname() -> Parser[str]:
    """A host name or an IP address."""
    return _checked(
        "a host name or address", lambda written: written if _HOST.fullmatch(written) else None
    )


def integer(minimum: int, maximum: int) -> Parser[int]:
    """A whole number within a range, both ends allowed."""

    def parse(written: str) -> int | None:
        number = int(written) if _DECIMAL.fullmatch(written) else None
        return number if number is not None and minimum <= number <= maximum else None

    return _checked(f"a whole number from {minimum} to {maximum}", parse)


def port() -> Parser[int]:
    """A TCP port, or 0 for one that the system chooses."""
    return integer(0, 65535)


def seconds(minimum: float, maximum: float) -> Parser[float]:
    """A duration within a range, as a decimal number of seconds."""

    def parse(written: str) -> float | None:
        number = float(written) if _SECONDS.fullmatch(written) else None
        return number if number is not None and minimum <= number <= maximum else None

    return _checked(f"seconds from {minimum:g} to {maximum:g}", parse)


def boolean() -> Parser[bool]:
    """`yes` or `no`."""
    return _checked("yes or no", {"yes": True, "no": False}.get)


def choice(*choices: str) -> Parser[str]:
    """One of a closed list of words."""
    return _checked(
        f"one of {', '.join(choices)}", lambda written: written if written in choices else None
    )


def names(*choices: str) -> Parser[frozenset[str]]:
    """Some of a closed list of words, separated by commas; at least one."""

    def parse(written: str) -> frozenset[str] | None:
        chosen = frozenset(part.strip() for part in written.split(","))
        return chosen if chosen <= frozenset(choices) else None

    return _checked(f"some of {', '.join(choices)}, separated by commas", parse)


def url(*schemes: str) -> Parser[str]:
    """An absolute URL with a host, of one of these schemes, without a fragment."""

    def parse(written: str) -> str | None:
        try:
            parts = urlsplit(written)
            well_formed = parts.port is None or parts.port in _PORTS
        except ValueError:
            return None
        named = parts.scheme in schemes and bool(parts.hostname) and not parts.fragment
        return written if named and well_formed and written.isprintable() else None

    return _checked(f"a URL ({', '.join(schemes)})", parse)


def servers() -> Parser[str]:
    """One or more host:port, separated by commas, without spaces."""

    def parse(written: str) -> str | None:
        found = [_SERVER.fullmatch(part) for part in written.split(",")]
        return written if all(one and int(one[2]) in _PORTS for one in found) else None

    return _checked("host:port, several separated by commas", parse)


def cidrs() -> Parser[tuple[Network, ...]]:
    """Networks in CIDR notation, separated by commas; empty for none."""

    def parse(written: str) -> tuple[Network, ...] | None:
        parts = [part.strip() for part in written.split(",")] if written.strip() else []
        try:
            return tuple(ipaddress.ip_network(part) for part in parts)
        except ValueError:
            return None

    return _checked("networks like 10.0.0.0/8, separated by commas", parse)


def secret_hex(length: int) -> Parser[bytes]:
    """That many bytes, in hexadecimal."""
    return _checked(f"{2 * length} hexadecimal digits", lambda written: _hex(written, length))


def numbered_keys(length: int, ids: range) -> Parser[tuple[tuple[int, bytes], ...]]:
    """Keys of that many bytes with their ids, `1:hex,2:hex`, in the order written."""

    def parse(written: str) -> tuple[tuple[int, bytes], ...] | None:
        keys: dict[int, bytes] = {}
        for part in written.split(","):
            number, _, digits = part.strip().partition(":")
            key = _hex(digits, length)
            if not number.isdecimal() or int(number) not in ids or int(number) in keys or not key:
                return None
            keys[int(number)] = key
        return tuple(keys.items())

    kind = f"id:key pairs separated by commas, ids {ids.start} to {ids.stop - 1}, each once"
    return _checked(f"{kind}, keys of {2 * length} hexadecimal digits", parse)


def optional(parser: Parser[T]) -> Parser[T | None]:
    """What another parser reads, or nothing where the text is empty."""
    return Parser(
        f"{parser.kind}, or empty", lambda written: parser.parse(written) if written else None
    )


def _hex(written: str, length: int) -> bytes | None:
    if len(written) != 2 * length or not _HEX.fullmatch(written):
        return None
    return bytes.fromhex(written)
