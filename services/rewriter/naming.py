"""What a mail is called: its message id, and the `Message-ID` that all its copies carry."""

import ipaddress
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlsplit

from schemas import identity, token
from schemas.identity import MessageId, Tenant
from schemas.token import KeyRing


def name_message(
    tenant: Tenant,
    header: str | None,
    idempotency_key: str | None,
    body: bytes,
    mint: Callable[[], MessageId],
) -> MessageId:
    """Name the message by its own `Message-ID`, else by the caller's key and the body, else anew."""
    if header is not None:
        return identity.message_of_header(tenant, header)
    if idempotency_key is not None:
        return identity.message_of_key(tenant, idempotency_key, body)
    return mint()


def our_message_id(ring: KeyRing, tenant: Tenant, message: MessageId, tracking_url: str) -> str:
    """Write a `Message-ID` of ours: a token at the host of the tracking links."""
    return f"<{token.mint_message_id(ring, tenant, message)}@{host_of(tracking_url)}>"


@lru_cache(maxsize=1024)
def host_of(url: str) -> str:
    """Write a URL's host as the right side of an address: a name, or an address literal (RFC 5321 §4.1.3)."""
    host = urlsplit(url).hostname or "localhost"
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return host
    return f"[IPv6:{host}]" if version == 6 else f"[{host}]"
