"""Builds a service's configuration from a mapping; never reads the environment by itself.

A configuration is a frozen dataclass of `setting`s and `group`s. `load` reports every problem at
once, never shows a secret, and refuses names it does not know.
"""

import dataclasses
import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from services.runtime import parsers
from services.runtime.parsers import Parser

C = TypeVar("C")
T = TypeVar("T")

PREFIX: Final = "INKLING_"
SERVICES: Final = ("tracker", "rewriter", "projector", "alerts")
# Names that one environment file may hold for all services; each reads only those it declares.
SHARED: Final = frozenset(
    PREFIX + name
    for name in (
        "KAFKA_SERVERS",
        "LOG_LEVEL",
        "DRAIN_SECONDS",
        "JWKS",
        "JWT_ISSUER",
        "JWT_AUDIENCE",
        "TOKEN_KEYS",
        "TOKEN_KEYS_FILE",
        "PORT_BASE",
        "OBJECT_STORE",
        "OBJECT_STORE_ACCESS_KEY",
        "OBJECT_STORE_SECRET_KEY",
        "OBJECT_STORE_SECRET_KEY_FILE",
        "OBJECT_STORE_ENDPOINT",
        "OBJECT_STORE_REGION",
    )
)
_SHOWN_CHARACTERS = 60


class ConfigError(Exception):
    """The configuration cannot be used; `problems` names each fault in a sentence."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One variable, as the documentation shows it; without a default it is required."""

    name: str
    kind: str
    default: str | None
    meaning: str
    secret: bool


@dataclass(frozen=True, slots=True)
class _Setting:
    name: str
    parser: Parser[Any]
    default: str | None
    help: str
    secret: bool


@dataclass(frozen=True, slots=True)
class _Group:
    type: type[Any]
    defaults: Mapping[str, str]


def setting(
    name: str, parser: Parser[T], *, default: str | None = None, help: str, secret: bool = False
) -> T:
    """Declare a dataclass field read from one variable; without a default it is required.

    `{SERVICE}` in the name becomes the service's. The default is written as it would stand in the
    environment. A secret may also come from a file named by `…_FILE`, and never shows in `repr`.
    """
    metadata = {"inkling": _Setting(name, parser, default, help, secret)}
    if default is None:
        field = dataclasses.field(metadata=metadata, repr=not secret)
    else:
        field = dataclasses.field(
            default_factory=lambda: parser.parse(default), metadata=metadata, repr=not secret
        )
    return cast(T, field)  # what dataclasses themselves do: a field stands where its value will


def group(type: type[T], **defaults: str) -> T:
    """Declare a dataclass field that is itself a configuration, with other defaults where given."""
    field = dataclasses.field(metadata={"inkling": _Group(type, defaults)})
    return cast(T, field)  # as above


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessConfig:
    """What every process has: how much it says, how long it may take to stop."""

    log_level: str = setting(
        "INKLING_LOG_LEVEL",
        parsers.choice("debug", "info", "warning", "error"),
        default="info",
        help="the least severe log records that are written",
    )
    # Ten seconds: Kubernetes kills after thirty, and Compose after ten by default.
    drain_seconds: float = setting(
        "INKLING_DRAIN_SECONDS",
        parsers.seconds(minimum=0.1, maximum=600),
        default="10",
        help="the time to finish what was accepted, after the first SIGTERM",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConfig:
    """Where Kafka is."""

    servers: str = setting(
        "INKLING_KAFKA_SERVERS",
        parsers.servers(),
        help="Kafka's bootstrap servers, host:port,host:port",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessConfig:
    """Whose bearer tokens are believed."""

    jwks: str = setting(
        "INKLING_JWKS",
        parsers.text(),
        help="the key set that signs bearer tokens: a path or an https URL",
    )
    issuer: str | None = setting(
        "INKLING_JWT_ISSUER",
        parsers.optional(parsers.text()),
        default="",
        help="the `iss` that bearer tokens must carry; empty: not looked at",
    )
    audience: str | None = setting(
        "INKLING_JWT_AUDIENCE",
        parsers.optional(parsers.text()),
        default="",
        help="the `aud` that bearer tokens must carry; empty: not looked at",
    )

    def __post_init__(self) -> None:
        parts = urlsplit(self.jwks)
        local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
        if "://" in self.jwks and parts.scheme != "https" and not local:
            raise ValueError(
                "INKLING_JWKS must be a path or an https URL; whoever can change the keys on"
                " their way here can open every door"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorConfig:
    """Where a service listens; the public port for callers, the private one for operators."""

    host: str = setting(
        "INKLING_{SERVICE}_HOST",
        parsers.hostname(),
        default="127.0.0.1",
        help="the address the public door listens on",
    )
    port: int = setting(
        "INKLING_{SERVICE}_PORT", parsers.port(), help="the port of the public door"
    )
    private_host: str = setting(
        "INKLING_{SERVICE}_PRIVATE_HOST",
        parsers.hostname(),
        default="127.0.0.1",
        help="the address the private door listens on: health, metrics, version",
    )
    private_port: int = setting(
        "INKLING_{SERVICE}_PRIVATE_PORT", parsers.port(), help="the port of the private door"
    )

    def __post_init__(self) -> None:
        if (self.host, self.port) == (self.private_host, self.private_port) and self.port:
            raise ValueError("the public and the private door must not be the same")


def doors(port: int) -> DoorConfig:
    """Declare a service's doors: public at that port by default, private fifty above."""
    return group(DoorConfig, port=str(port), private_port=str(port + 50))


_POSTGRES = ("postgresql", "postgres")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseConfig:
    """PostgreSQL as the two roles that a running service has."""

    writer_url: str = setting(
        "INKLING_{SERVICE}_DATABASE_URL",
        parsers.url(*_POSTGRES),
        help="PostgreSQL as the role that writes",
        secret=True,
    )
    reader_url: str = setting(
        "INKLING_{SERVICE}_READER_DATABASE_URL",
        parsers.url(*_POSTGRES),
        help="PostgreSQL as the role that answers queries under row-level security",
        secret=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerConfig:
    """PostgreSQL as the role that owns the schema; only operator verbs read it."""

    owner_url: str = setting(
        "INKLING_{SERVICE}_OWNER_DATABASE_URL",
        parsers.url(*_POSTGRES),
        help="PostgreSQL as the schema's owner; only the verbs of operators need it",
        secret=True,
    )


def load(
    config_type: type[C],
    environ: Mapping[str, str],
    service: str,
    beside: Collection[type[Any]] = (),
) -> C:
    """Build a configuration or raise `ConfigError` with every problem found.

    `beside` names configurations whose variables may be there too, though nobody reads them now.
    """
    problems = list(_unknown(environ, service, (config_type, *beside)))
    config = _build(config_type, {}, environ, service, problems)
    if problems or config is None:
        raise ConfigError(problems)
    return config


def document(config_type: type[Any], service: str) -> list[Entry]:
    """Describe every variable of a configuration, in the order of its fields."""
    return [
        Entry(
            name=found.name,
            kind=found.parser.kind,
            default=found.default,
            meaning=found.help,
            secret=found.secret,
        )
        for found in _settings(config_type, {}, service)
    ]


def _settings(
    config_type: type[Any], defaults: Mapping[str, str], service: str
) -> Iterator[_Setting]:
    for field in dataclasses.fields(config_type):
        declared: _Group | _Setting = field.metadata["inkling"]
        if isinstance(declared, _Group):
            yield from _settings(declared.type, declared.defaults, service)
        else:
            yield _named(declared, defaults.get(field.name), service)


def _named(one: _Setting, default: str | None, service: str) -> _Setting:
    return dataclasses.replace(
        one,
        name=one.name.replace("{SERVICE}", service.upper()),
        default=one.default if default is None else default,
    )


def _build(
    config_type: type[C],
    defaults: Mapping[str, str],
    environ: Mapping[str, str],
    service: str,
    problems: list[str],
) -> C | None:
    values: dict[str, object] = {}
    before = len(problems)
    for field in dataclasses.fields(cast(Any, config_type)):  # every configuration is a dataclass
        declared: _Group | _Setting = field.metadata["inkling"]
        if isinstance(declared, _Group):
            values[field.name] = _build(
                declared.type, declared.defaults, environ, service, problems
            )
        else:
            named = _named(declared, defaults.get(field.name), service)
            values[field.name] = _read(named, environ, problems)
    if len(problems) > before:
        return None
    try:
        return config_type(**values)
    except ValueError as error:  # a rule between several settings, from __post_init__
        problems.append(str(error))
        return None


def _read(one: _Setting, environ: Mapping[str, str], problems: list[str]) -> object:
    written = _written(one, environ, problems)
    if written is None:
        return None
    try:
        return one.parser.parse(written)
    except ValueError as error:
        if one.secret:
            problems.append(f"{one.name} must be {one.parser.kind} (its value is not shown)")
        else:
            problems.append(f"{one.name} {error}, not {written[:_SHOWN_CHARACTERS]!r}")
        return None


def _written(one: _Setting, environ: Mapping[str, str], problems: list[str]) -> str | None:
    direct = environ.get(one.name)
    file = environ.get(one.name + "_FILE") if one.secret else None
    if direct is not None and file is not None:
        problems.append(f"{one.name} and {one.name}_FILE are both given; give one")
        return None
    if file is not None:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            problems.append(f"{one.name}_FILE cannot be read: {reason}")
            return None
    if direct is None and one.default is None:
        alternative = f" (or {one.name}_FILE)" if one.secret else ""
        problems.append(f"{one.name}{alternative} is required: {one.help}")
        return None
    return one.default if direct is None else direct


def _unknown(
    environ: Mapping[str, str], service: str, types: Collection[type[Any]]
) -> Iterator[str]:
    known = set()
    for known_type in types:
        for one in _settings(known_type, {}, service):
            known.add(one.name)
            if one.secret:
                known.add(one.name + "_FILE")
    others = tuple(f"{PREFIX}{other.upper()}_" for other in SERVICES if other != service)
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known or name in SHARED:
            continue
        if name.startswith(others):
            continue
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        hint = f"; did you mean {nearest[0]}?" if nearest else ""
        yield f"{name} is not a name this process knows{hint}"
