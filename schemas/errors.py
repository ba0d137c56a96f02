"""Why something that crossed a boundary was refused.

Tree: ``ValueError`` → ``Refused`` (an event), ``BadToken`` (a token), ``BadIdentity`` (a name or address).
"""

from enum import StrEnum


class Refusal(StrEnum):
    """Why a record is not an event of ours; a quarantine reason and a metric label."""

    EMPTY = "empty"
    HEADER_MISSING = "header_missing"
    HEADER_MALFORMED = "header_malformed"
    UNKNOWN_TYPE = "unknown_type"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    SCHEMA = "schema"
    KEY_MISMATCH = "key_mismatch"
    UNREADABLE_CHARACTER = "unreadable_character"


class TokenFault(StrEnum):
    """Why a token is none of ours; a metric label."""

    MALFORMED = "malformed"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_KEY = "unknown_key"
    FORGED = "forged"


class Refused(ValueError):
    """A record that is not an event of ours: the reason, the field at fault, a sentence."""

    def __init__(self, reason: Refusal, field: str = "", detail: str = "") -> None:
        super().__init__(f"{reason}: {field} {detail}".strip())
        self.reason = reason
        self.field = field
        self.detail = detail


class BadToken(ValueError):
    """A token that we did not mint for this purpose; says why, never what it held."""

    def __init__(self, fault: TokenFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class BadIdentity(ValueError):
    """A tenant, reference or id that cannot be one; names the field."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail
