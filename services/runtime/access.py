"""Who is asking: bearer JWTs against a key set, asymmetric algorithms only.

A token is believed as a whole or not at all; what was wrong with it is told without its content.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp
import jwt
import orjson
from aiohttp import web

from services.runtime.clock import Clock
from services.runtime.config import AccessConfig
from services.runtime.errors import Fatal, Transient
from services.runtime.log import get_logger
from services.runtime.problem import Problem, Slug

log = get_logger(__name__)

# What an identity provider's clock may differ from ours.
LEEWAY_SECONDS: Final = 5
# An unknown key id makes us look again, but strangers can invent key ids: not more often than this.
REFRESH_SECONDS: Final = 10.0
# A key that was withdrawn is forgotten after this long, unknown key ids or not.
MAX_AGE_SECONDS: Final = 300.0
# Signatures that held are not looked at again: a caller sends one token with hundreds of calls, and looking takes as
# long as a short call. Above this the oldest is looked at anew.
MAX_BELIEVED: Final = 1024
_FETCH_SECONDS: Final = 5.0
_MAX_KEY_SET_BYTES: Final = 1 << 20
_CLAIM_CHARACTERS: Final = 255
_MIN_RSA_BITS: Final = 2048

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_ALGORITHMS: Final[Mapping[tuple[str, str | None], tuple[str, ...]]] = {
    ("RSA", None): _RSA,
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}


class Role(StrEnum):
    """What a caller may be; `admin` includes `manager` includes `seller`, `sender` stands alone."""

    SENDER = "sender"
    SELLER = "seller"
    MANAGER = "manager"
    ADMIN = "admin"


_INCLUDES: Final = {
    Role.SENDER: frozenset({Role.SENDER}),
    Role.SELLER: frozenset({Role.SELLER}),
    Role.MANAGER: frozenset({Role.MANAGER, Role.SELLER}),
    Role.ADMIN: frozenset({Role.ADMIN, Role.MANAGER, Role.SELLER}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whoever the token speaks for; `roles` holds the included ones too."""

    subject: str
    tenant: str
    roles: frozenset[Role]


class KeySource(Protocol):
    """Where the key set lies."""

    async def read(self) -> bytes:
        """Return the key set's JSON, or raise `Transient`."""
        ...


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key set in a file, which may be replaced while we run."""

    path: Path

    async def read(self) -> bytes:
        """Return the file's content."""
        try:
            return await asyncio.to_thread(self.path.read_bytes)
        except OSError as error:
            raise Transient(f"the key set cannot be read: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class KeyAddress:
    """A key set behind a URL."""

    url: str
    session: aiohttp.ClientSession

    async def read(self) -> bytes:
        """Return what the URL answers, if that is 200 and of a sane size."""
        try:
            async with (
                asyncio.timeout(_FETCH_SECONDS),
                self.session.get(self.url, allow_redirects=False) as answer,
            ):
                if answer.status != web.HTTPOk.status_code:
                    raise Transient(f"the key set's URL answers {answer.status}")
                body = await answer.content.read(_MAX_KEY_SET_BYTES)
                while not answer.content.at_eof() and len(body) < _MAX_KEY_SET_BYTES:
                    body += await answer.content.read(_MAX_KEY_SET_BYTES - len(body))
                return body
        except (aiohttp.ClientError, TimeoutError) as error:
            kind = type(error).__name__
            raise Transient(f"the key set cannot be fetched: {kind}") from error


@dataclass(frozen=True, slots=True)
class _Key:
    key: Any  # one of cryptography's public keys; PyJWT types it no further
    algorithms: tuple[str, ...]


@dataclass(slots=True)
class _Believed:
    """What a token states whose signature held under this key, and whom it speaks for once all else held too."""

    key_id: str | None
    key: _Key
    claims: Mapping[str, object]
    principal: Principal | None = None


class Verifier:
    """Turns a bearer token into a principal; reads the key set again when a key id is unknown."""

    def __init__(
        self, source: KeySource, issuer: str | None, audience: str | None, clock: Clock
    ) -> None:
        self._source = source
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._keys: dict[str | None, _Key] = {}
        # By a digest, so that no token lies in memory for longer than its call.
        self._believed: dict[bytes, _Believed] = {}
        self._tried_at: float | None = None
        self._read_at: float | None = None
        self._fault: str | None = "the key set was not read yet"
        self._refreshing = asyncio.Lock()

    def healthy(self) -> str | None:
        """Return None while there are keys to verify with, else why not."""
        return None if self._keys else self._fault

    async def refresh(self) -> None:
        """Read the key set now; where that fails the old keys stay and `Transient` is raised."""
        self._tried_at = self._clock.monotonic()
        try:
            self._keys = parse_key_set(await self._source.read())
        except Transient as error:
            self._fault = str(error)
            raise
        self._fault = None
        self._read_at = self._clock.monotonic()

    async def verify(self, token: str) -> Principal:
        """Return whom the token speaks for, or raise `Problem`: 401, or 503 without any key.

        What does not change is looked at once for each reading of the key set, and the time each time.
        """
        digest = blake2b(token.encode("utf-8", "surrogatepass")).digest()
        known = self._believed.get(digest)
        key_id = _key_id(token) if known is None else known.key_id
        key = await self._key(key_id)
        # A key set that is read again has other keys, be they equal.
        if known is None or known.key is not key:
            known = self._believed[digest] = _Believed(key_id, key, _signed(token, key))
            if len(self._believed) > MAX_BELIEVED:
                del self._believed[next(iter(self._believed))]
        self._check_times(known.claims)
        if known.principal is None:
            known.principal = self._principal(known.claims)
        return known.principal

    async def _key(self, key_id: str | None) -> _Key:
        if key_id not in self._keys or self._older_than(self._read_at, MAX_AGE_SECONDS):
            await self._refresh_once(key_id)
        if not self._keys:
            raise Problem(
                Slug.UNAVAILABLE,
                "Tokens cannot be verified at the moment.",
                headers={"Retry-After": "5"},
            )
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if key_id not in self._keys:
            raise _refused("no key of ours has its key id")
        return self._keys[key_id]

    async def _refresh_once(self, key_id: str | None) -> None:
        async with self._refreshing:
            if not self._older_than(self._tried_at, REFRESH_SECONDS):
                return
            try:
                await self.refresh()
            except Transient as error:
                log.warning("key_set_unavailable", reason=str(error), keys=len(self._keys))

    def _older_than(self, moment: float | None, seconds: float) -> bool:
        return moment is None or self._clock.monotonic() - moment >= seconds

    def _check_times(self, claims: Mapping[str, object]) -> None:
        now = self._clock.now() / 1_000_000
        if _number(claims, "exp") + LEEWAY_SECONDS <= now:
            raise _refused("it has expired")
        if "nbf" in claims and _number(claims, "nbf") - LEEWAY_SECONDS > now:
            raise _refused("it is not valid yet")

    def _principal(self, claims: Mapping[str, object]) -> Principal:
        if self._issuer is not None and claims.get("iss") != self._issuer:
            raise _refused("its issuer is not ours")
        if self._audience is not None and self._audience not in _audiences(claims):
            raise _refused("it is not meant for us")
        return Principal(
            subject=_text(claims, "sub"), tenant=_text(claims, "tenant"), roles=_roles(claims)
        )


def _key_id(token: str) -> str | None:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise _refused("it is not a JWT") from error
    key_id = header.get("kid")
    return key_id if isinstance(key_id, str) else None


def _signed(token: str, key: _Key) -> Mapping[str, object]:
    """Return what the token states, if the key's owner has signed it."""
    try:
        claims: Mapping[str, object] = jwt.decode(
            token, key.key, algorithms=list(key.algorithms), options=_OPTIONS
        )
    except jwt.InvalidAlgorithmError as error:
        raise _refused("its algorithm is not the key's") from error
    except jwt.PyJWTError as error:
        raise _refused("its signature does not hold") from error
    return claims


# Only the signature is PyJWT's to judge: it asks the system's clock, we ask ours.
_OPTIONS: Final[Any] = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


@asynccontextmanager
async def open_verifier(config: AccessConfig, clock: Clock) -> AsyncIterator[Verifier]:
    """Give a verifier with its keys read: a bad file is `Fatal`, a silent URL is tried again."""
    if "://" not in config.jwks:
        verifier = Verifier(KeyFile(Path(config.jwks)), config.issuer, config.audience, clock)
        try:
            await verifier.refresh()
        except Transient as error:
            raise Fatal(f"INKLING_JWKS: {error}") from error
        yield verifier
        return
    async with aiohttp.ClientSession() as session:
        source = KeyAddress(config.jwks, session)
        verifier = Verifier(source, config.issuer, config.audience, clock)
        try:
            await verifier.refresh()
        except Transient as error:
            log.warning("key_set_unavailable", reason=str(error), keys=0)
        yield verifier


def parse_key_set(document: bytes) -> dict[str | None, _Key]:
    """Read the public keys of a JWKS by key id; those we would not trust are left out."""
    try:
        found = orjson.loads(document)["keys"]
        keys = [(one.get("kid"), _parse_key(one)) for one in found]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Transient("the key set is not a JWKS") from error
    usable = {key_id: key for key_id, key in keys if key is not None}
    if not usable:
        raise Transient("the key set holds no public key that we can use")
    return usable


def _parse_key(described: Mapping[str, Any]) -> _Key | None:
    allowed = _ALGORITHMS.get((described["kty"], described.get("crv")), ())
    if (only := described.get("alg")) is not None:
        allowed = tuple(one for one in allowed if one == only)
    if not allowed or described.get("use", "sig") != "sig" or "d" in described:
        return None
    try:
        key = jwt.PyJWK(dict(described), allowed[0]).key
    except jwt.PyJWTError:
        return None
    if described["kty"] == "RSA" and key.key_size < _MIN_RSA_BITS:
        return None
    return _Key(key, allowed)


PRINCIPAL: Final = web.RequestKey("principal", Principal)


async def authenticate(request: web.Request, verifier: Verifier) -> None:
    """Establish the request's principal from its `Authorization` header, or raise `Problem` 401."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(
            Slug.UNAUTHENTICATED,
            "Send `Authorization: Bearer` with a token.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    request[PRINCIPAL] = await verifier.verify(token.strip())


def principal(request: web.Request, role: Role, *others: Role) -> Principal:
    """Return who is asking, or raise `Problem`: 403 unless they have one of these roles."""
    roles = (role, *others)
    found: Principal | None = request.get(PRINCIPAL)
    if found is None:
        raise _refused("this door was opened without one")
    if found.roles.isdisjoint(roles):
        raise Problem(Slug.FORBIDDEN, f"This needs the role {' or '.join(roles)}.")
    return found


def _refused(why: str) -> Problem:
    return Problem(
        Slug.UNAUTHENTICATED,
        f"The bearer token is refused: {why}.",
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


def _number(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(f"its claim `{name}` is not a number")
    return float(value)


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    fits = isinstance(value, str) and 0 < len(value) <= _CLAIM_CHARACTERS and value.isprintable()
    if not isinstance(value, str) or not fits:
        raise _refused(f"its claim `{name}` is not a short text")
    return value


def _audiences(claims: Mapping[str, object]) -> tuple[object, ...]:
    value = claims.get("aud")
    return tuple(value) if isinstance(value, list) else (value,)


def _roles(claims: Mapping[str, object]) -> frozenset[Role]:
    value = claims.get("roles")
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _refused("its claim `roles` is not an array of texts")
    # an identity provider knows roles of other systems too
    known = [Role(one) for one in value if one in set(Role)]
    return frozenset().union(*(_INCLUDES[role] for role in known))
