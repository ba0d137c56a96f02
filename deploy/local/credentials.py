"""The secrets of one stack: made once, kept over restarts, readable by their owner alone."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from deploy.local import postgres

ISSUER = "https://inkling.local"
AUDIENCE = "inkling"
_ALGORITHM = "ES256"
_TOKEN_SECONDS = 30 * 24 * 3600


class Credentials:
    """Passwords, keys and the key pair that signs access tokens."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)
        self._directory = directory
        self._kept = self._load()
        self._signing_key = self._load_signing_key()
        self._key_id = f"local-{self._kept['signing_key_id']}"
        _write(self.jwks, json.dumps({"keys": [self._public_key()]}))

    @property
    def passwords(self) -> Mapping[str, str]:
        """The password of each database role."""
        prefix = "password:"
        kept = self._kept.items()
        return {name.removeprefix(prefix): value for name, value in kept if name.startswith(prefix)}

    @property
    def token_keys(self) -> str:
        """`INKLING_TOKEN_KEYS`."""
        return f"1:{self._kept['token_key']}"

    @property
    def recipient_key(self) -> str:
        """`INKLING_REWRITER_RECIPIENT_KEY`."""
        return self._kept["recipient_key"]

    @property
    def jwks(self) -> Path:
        """The file with the public key that services verify access tokens with."""
        return self._directory / "jwks.json"

    def token(
        self, *, tenant: str, subject: str, roles: Sequence[str], seconds: int = _TOKEN_SECONDS
    ) -> str:
        """An access token; a negative lifetime makes an expired one."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "tenant": tenant,
            "roles": list(roles),
            "iat": min(now, now + seconds),
            "exp": now + seconds,
        }
        return jwt.encode(claims, self._signing_key, _ALGORITHM, headers={"kid": self._key_id})

    def _load(self) -> dict[str, str]:
        path = self._directory / "secrets.json"
        kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        wanted = {
            "token_key": secrets.token_hex(32),
            "recipient_key": secrets.token_hex(32),
            "signing_key_id": secrets.token_hex(4),
        } | {
            f"password:{role}": secrets.token_urlsafe(24)
            for role in (postgres.SUPERUSER, *postgres.ROLES)
        }
        if not wanted.keys() <= kept.keys():
            kept = wanted | kept
            _write(path, json.dumps(kept, indent=1))
        return kept

    def _load_signing_key(self) -> ec.EllipticCurvePrivateKey:
        path = self._directory / "signing-key.pem"
        if not path.exists():
            made = ec.generate_private_key(ec.SECP256R1())
            pem = made.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            _write(path, pem.decode())
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            message = f"{path} does not hold an elliptic-curve key: remove it"
            raise TypeError(message)
        return key

    def _public_key(self) -> dict[str, object]:
        described = ECAlgorithm.to_jwk(self._signing_key.public_key(), as_dict=True)
        return {**described, "kid": self._key_id, "use": "sig", "alg": _ALGORITHM}


def _write(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
