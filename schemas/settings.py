"""What a recipient or a tenant has decided: the latest in the log holds."""

from dataclasses import dataclass, field
from enum import StrEnum

from schemas.identity import RecipientRef
from schemas.instant import Instant


class Follow(StrEnum):
    """Whether a recipient allows following."""

    ALLOW = "allow"
    DO_NOT_ALLOW = "do_not_allow"


class FollowPolicy(StrEnum):
    """How one recipient's refusal bears on the others."""

    RECIPIENT = "recipient"
    STRICT = "strict"


class PixelPosition(StrEnum):
    """Where the pixel goes: last in the body, or first, for mail so long that its end gets clipped."""

    END = "end"
    START = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceSet:
    """A recipient allows following, or does not; the latest in the log holds."""

    ref: RecipientRef
    follow: Follow
    since: Instant
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingWeek:
    """ISO weekdays (1 = Monday) and the local hours between which people work, as ``HH:MM``."""

    days: tuple[int, ...] = (1, 2, 3, 4, 5)
    start: str = "08:00"
    end: str = "17:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSet:
    """A tenant's settings; the latest in the log holds.

    `excluded_domains` are host names in lower-case ASCII, each standing for everything below it as well.
    """

    since: Instant
    by: str
    engagement: bool = True
    policy: FollowPolicy = FollowPolicy.RECIPIENT
    tracking_domain: str | None = None
    own_networks: tuple[str, ...] = ()
    retention_days: int | None = None
    working_week: WorkingWeek = field(default_factory=WorkingWeek)
    reply_domain: str | None = None
    max_file_bytes: int | None = None
    forbidden_file_types: tuple[str, ...] = ()
    file_days: int | None = None
    excluded_domains: tuple[str, ...] = ()
    follow_unsubscribe: bool = False
    pixel_position: PixelPosition = PixelPosition.END
    canary: bool = False
    follow_bcc: bool = False
    text_links: bool = False
