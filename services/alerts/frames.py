"""Server-Sent Events as text: what goes over the wire of a stream. Pure."""

from typing import Any, Final

import orjson

HEARTBEAT: Final = b":\n\n"
# How long a client waits before it comes back, when it was not told otherwise.
RETRY_MILLISECONDS: Final = 3000


def opening(seq: int) -> bytes:
    """Say where the stream begins: a client that is cut off before its first event resumes from there."""
    return f"id: {seq}\n".encode() + retry(RETRY_MILLISECONDS)


def retry(milliseconds: int) -> bytes:
    """Say how long to wait before coming back."""
    return f"retry: {milliseconds}\n\n".encode()


def event(seq: int, name: str, data: dict[str, Any]) -> bytes:
    """Write one event; JSON holds no line break, so one line of data is enough."""
    return f"id: {seq}\nevent: {name}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"
