"""A tenant's settings as the door shows and takes them."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas import instant
from schemas.instant import Instant
from schemas.settings import FollowPolicy, PixelPosition, TenantSet, WorkingWeek
from services.rewriter.faults import BadFields, Fault
from services.rewriter.hosts import normal_host

_HOST: Final = re.compile(r"(?!.*\.\.)[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_LABEL_CHARACTERS: Final = 63
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_MAX_PORT: Final = 65_535
# RFC 6838's names of types; `*` stands for all of a kind.
_MEDIA_TYPE: Final = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]*/([a-z0-9][a-z0-9!#$&^_.+-]*|\*)", re.ASCII
)
_EXTENSION: Final = re.compile(r"(\.[^\s/\\.*]+)+")
_DEFAULT_WEEK: Final = WorkingWeek()


def read(body: Mapping[str, Any], since: Instant, by: str) -> TenantSet:
    """Read a body that satisfies the component `TenantChange`, what is left out as default; raises `BadFields`."""
    faults: list[Fault] = []
    event = TenantSet(
        since=since,
        by=by,
        engagement=body.get("engagement", True),
        policy=FollowPolicy(body.get("policy", FollowPolicy.RECIPIENT)),
        tracking_domain=_domain(body.get("tracking_domain"), faults),
        own_networks=_networks(body.get("own_networks", ()), faults),
        working_week=_week(body.get("working_week", {}), faults),
        reply_domain=_reply_domain(body.get("reply_domain"), faults),
        max_file_bytes=body.get("max_file_bytes"),
        forbidden_file_types=_file_types(body.get("forbidden_file_types", ()), faults),
        file_days=body.get("file_days"),
        retention_days=body.get("retention_days"),
        excluded_domains=_excluded_domains(body.get("excluded_domains", ()), faults),
        follow_unsubscribe=body.get("follow_unsubscribe", False),
        pixel_position=PixelPosition(body.get("pixel_position", PixelPosition.END)),
        canary=body.get("canary", False),
        follow_bcc=body.get("follow_bcc", False),
        text_links=body.get("text_links", False),
    )
    if faults:
        raise BadFields(faults)
    return event


def write(held: TenantSet | None) -> dict[str, Any]:
    """Write what holds; nothing set yet is the defaults, since null, by null."""
    shown = TenantSet(since=Instant(0), by="") if held is None else held
    return {
        "engagement": shown.engagement,
        "policy": shown.policy,
        "tracking_domain": shown.tracking_domain,
        "own_networks": shown.own_networks,
        "working_week": {
            "days": shown.working_week.days,
            "start": shown.working_week.start,
            "end": shown.working_week.end,
        },
        "reply_domain": shown.reply_domain,
        "max_file_bytes": shown.max_file_bytes,
        "forbidden_file_types": shown.forbidden_file_types,
        "file_days": shown.file_days,
        "retention_days": shown.retention_days,
        "excluded_domains": shown.excluded_domains,
        "follow_unsubscribe": shown.follow_unsubscribe,
        "pixel_position": shown.pixel_position,
        "canary": shown.canary,
        "follow_bcc": shown.follow_bcc,
        "text_links": shown.text_links,
        "since": None if held is None else instant.text(held.since),
        "by": None if held is None else held.by,
    }


def _domain(written: str | None, faults: list[Fault]) -> str | None:
    if written is None:
        return None
    host, colon, port = written.lower().partition(":")
    reachable = not colon or (_PORT.fullmatch(port) and int(port) <= _MAX_PORT)
    if not _is_host(host) or not reachable:
        detail = "This must be a host name, with :port where it is not 443."
        faults.append(Fault(field="/tracking_domain", detail=detail))
    return written.lower()


def _reply_domain(written: str | None, faults: list[Fault]) -> str | None:
    if written is None:
        return None
    if not _is_host(written.lower()):
        detail = "This must be the name of a mail domain, such as reply.example.com."
        faults.append(Fault(field="/reply_domain", detail=detail))
    return written.lower()


def _is_host(lower: str) -> bool:
    return _HOST.fullmatch(lower) is not None and all(
        len(one) <= _LABEL_CHARACTERS and one[0] != "-" != one[-1] for one in lower.split(".")
    )


def _file_types(written: Sequence[str], faults: list[Fault]) -> tuple[str, ...]:
    """Read what may not be followed; each is kept once, in lower case, as it is compared."""
    types: dict[str, None] = {}
    for index, one in enumerate(written):
        lower = one.lower()
        if not _MEDIA_TYPE.fullmatch(lower) and not _EXTENSION.fullmatch(lower):
            detail = "This is no media type (a/b or a/*) and no extension with its dot (.exe)."
            faults.append(Fault(field=f"/forbidden_file_types/{index}", detail=detail))
        types[lower] = None
    return tuple(types)


def _excluded_domains(written: Sequence[str], faults: list[Fault]) -> tuple[str, ...]:
    """Read the hosts whose links are left alone; each is kept once, as links are compared with it."""
    domains: dict[str, None] = {}
    for index, one in enumerate(written):
        host = normal_host(one)
        if host is None:
            detail = "This is no host name, such as bank.example; all hosts below it are meant too."
            faults.append(Fault(field=f"/excluded_domains/{index}", detail=detail))
        else:
            domains[host] = None
    return tuple(domains)


def _networks(written: Sequence[str], faults: list[Fault]) -> tuple[str, ...]:
    networks = []
    for index, one in enumerate(written):
        try:
            networks.append(str(ipaddress.ip_network(one)))
        except ValueError:
            detail = "This is no network in CIDR notation, such as 192.0.2.0/24."
            faults.append(Fault(field=f"/own_networks/{index}", detail=detail))
    return tuple(networks)


def _week(written: Mapping[str, Any], faults: list[Fault]) -> WorkingWeek:
    week = WorkingWeek(
        days=tuple(sorted(written.get("days", _DEFAULT_WEEK.days))),
        start=written.get("start", _DEFAULT_WEEK.start),
        end=written.get("end", _DEFAULT_WEEK.end),
    )
    if week.start >= week.end:
        detail = "The working day must end after it starts."
        faults.append(Fault(field="/working_week/end", detail=detail))
    return week
