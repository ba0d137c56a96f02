"""Opens the public port once, for all workers; it stays open while any of them comes and goes."""

import asyncio
import socket
from typing import Final

from services.runtime.errors import Fatal

_BACKLOG: Final = 1024
_LOOKUP_SECONDS: Final = 5.0


async def open_listening(host: str, port: int) -> socket.socket:
    """Listen there, not blocking; Fatal when that is impossible, with the reason in one line."""
    try:
        async with asyncio.timeout(_LOOKUP_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
    except (OSError, TimeoutError) as error:
        raise Fatal(f"cannot listen on {host}:{port}: there is no such address") from error
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # what asyncio does for one process: `::` means IPv6 and no more
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise Fatal(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listening
