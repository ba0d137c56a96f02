"""The tracking URLs of one copy, and what they are made under: the tenant's terms and the secrets of following."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas import token
from schemas.events import CANARY_LINK_INDEX
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.settings import FollowPolicy, PixelPosition
from schemas.token import Claim, KeyRing, Minter, Mode, Purpose
from services.rewriter.attachments import FileRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The secrets of following: what signs tokens, and what hashes addresses."""

    tokens: KeyRing
    recipients: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the tenant has decided, and where tracking links lead; `own_urls` are all bases that are ours."""

    tenant: Tenant
    engagement: bool
    policy: FollowPolicy
    tracking_url: str
    own_urls: tuple[str, ...]
    mode: Mode = Mode.FULL
    reply_domain: str | None = None
    files: FileRules
    pixel_position: PixelPosition = PixelPosition.END
    canary: bool = False
    text_links: bool = False
    follow_bcc: bool = False
    excluded_domains: tuple[str, ...] = ()
    follow_unsubscribe: bool = False


class Tracking:
    """The tracking URLs of one copy; each is made once."""

    def __init__(
        self, keys: Keys, terms: Terms, message_id: MessageId, refs: tuple[RecipientRef, ...]
    ) -> None:
        self._ring = keys.tokens
        self._minter: Minter | None = None
        self._base = terms.tracking_url
        self._tenant = terms.tenant
        self._mode = terms.mode.value
        self._reply_domain = terms.reply_domain
        self._message_id = message_id
        self._refs = refs
        self._links: dict[int, str] = {}

    def reply_to(self) -> str | None:
        """Make the address that answers to this copy go to; None without a reply domain, or for a shared copy."""
        if self._reply_domain is None or len(self._refs) != 1:
            return None
        made = token.mint_reply(self._ring, self._tenant, self._message_id, self._refs[0])
        return f"reply+{made}@{self._reply_domain}"

    def pixel(self) -> str:
        """Make the URL of the pixel."""
        return f"{self._base}/o/{self._mint(Purpose.OPEN)}.gif"

    def link(self, index: int, url: str) -> str:
        """Make the tracking link that stands for a link of the mail."""
        return self.links([(index, url)])[index]

    def links(self, wanted: Sequence[tuple[int, str]]) -> Mapping[int, str]:
        """Make those that stand for several links, by index and address; return them by index, earlier ones too."""
        held = self._links
        missing = [one for one in wanted if one[0] not in held]
        if missing:
            minter, base = self._minter or self._made(), f"{self._base}/c/"
            made = [base + token for token in minter.clicks(missing)]
            held.update(zip([index for index, _ in missing], made, strict=True))
        return held

    def canary(self, url: str) -> str:
        """Make the link that no person sees, which leads to `url`."""
        return f"{self._base}/c/{self._mint(Purpose.CLICK, CANARY_LINK_INDEX, url)}"

    def attachment(self, index: int) -> str:
        """Make the link to a followed file."""
        return f"{self._base}/a/{self._mint(Purpose.ATTACHMENT, index)}"

    def picture(self, index: int) -> str:
        """Make the URL of a hosted picture."""
        return f"{self._base}/i/{self._mint(Purpose.PICTURE, index)}"

    def _mint(self, purpose: Purpose, index: int | None = None, url: str | None = None) -> str:
        return (self._minter or self._made()).mint(purpose, index, url)

    def _made(self) -> Minter:
        # Not at the start: what nobody follows may be for more recipients than a token can name.
        claim = Claim(
            tenant=self._tenant, message_id=self._message_id, refs=self._refs, mode=self._mode
        )
        self._minter = Minter(self._ring, claim)
        return self._minter
