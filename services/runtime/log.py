"""Structured logs: one JSON line for each change of state, never one for each request.

An event has a constant name and fields. Never log a token, an address, or a URL with its query.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import BinaryIO, Final

import orjson

# Foreign text in a log line is cut here, so that nobody can fill the disk by being refused.
FIELD_CHARACTERS: Final = 256
# Records of the libraries' own, below the level at which they tell us something we act on.
# aiohttp logs each malformed request with a traceback: a storm that any stranger can cause.
_LIBRARY_LEVELS: Final = {
    "aiohttp.server": logging.CRITICAL,
    # some lines for each try while Kafka is away; what becomes of it, whoever uses it says once
    "aiokafka": logging.CRITICAL,
    "asyncio": logging.WARNING,
    "flufl.bounce": logging.CRITICAL,
}
_FIELDS: Final = "inkling_fields"


class Logger:
    """Writes events under one module's name."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: object) -> None:
        """Record what only a developer wants to know."""
        self._write(logging.DEBUG, event, fields, None)

    def info(self, event: str, **fields: object) -> None:
        """Record a change of state that was to be expected."""
        self._write(logging.INFO, event, fields, None)

    def warning(self, event: str, exception: BaseException | None = None, **fields: object) -> None:
        """Record that something is degraded but goes on."""
        self._write(logging.WARNING, event, fields, exception)

    def error(self, event: str, exception: BaseException | None = None, **fields: object) -> None:
        """Record that something was lost or stopped; an exception adds its traceback."""
        self._write(logging.ERROR, event, fields, exception)

    def _write(
        self,
        level: int,
        event: str,
        fields: Mapping[str, object],
        exception: BaseException | None,
    ) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, exc_info=exception, extra={_FIELDS: fields})


def get_logger(name: str) -> Logger:
    """Return the logger of a module; pass `__name__`."""
    return Logger(name)


def configure(
    service: str,
    level: str,
    stream: BinaryIO | None = None,
    always: Mapping[str, object] | None = None,
) -> None:
    """Send every record of this process, the libraries' too, to standard output as JSON lines.

    `always` are fields of each line, which tell this process from others of its service.
    """
    handler = _JsonLines(service, stream or sys.stdout.buffer, always or {})
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    for library, least in _LIBRARY_LEVELS.items():
        logging.getLogger(library).setLevel(least)


class _JsonLines(logging.Handler):
    def __init__(self, service: str, stream: BinaryIO, always: Mapping[str, object]) -> None:
        super().__init__()
        self._service = service
        self._stream = stream
        self._always = always

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._stream.write(line(self._service, record, self._always))
            self._stream.flush()
        except (OSError, ValueError):  # the pipe is gone: nobody is left to be told
            return


def line(
    service: str, record: logging.LogRecord, always: Mapping[str, object] | None = None
) -> bytes:
    """Render one record; its own fields never overwrite those that every line has."""
    written: dict[str, object] = dict(getattr(record, _FIELDS, {}))
    if _FIELDS not in record.__dict__:  # a library's: its message is free text
        written["message"] = record.getMessage()
    if record.exc_info and record.exc_info[1]:
        written["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
    fields = {name: _shown(value) for name, value in written.items()}
    if record.exc_info:
        fields["traceback"] = "".join(traceback.format_exception(*record.exc_info))[-8192:]
    moment = datetime.fromtimestamp(record.created, UTC)
    head = {
        "ts": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "level": record.levelname.lower(),
        "event": record.getMessage() if _FIELDS in record.__dict__ else "library",
        "service": service,
        "logger": record.name,
    }
    return orjson.dumps(
        fields | dict(always or {}) | head,
        option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS,
    )


def _shown(value: object) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    shown = value if isinstance(value, str) else str(value)
    # a lone surrogate cannot be written as UTF-8
    return shown[:FIELD_CHARACTERS].encode(errors="replace").decode()
