"""Domain signatures (DKIM): one that our edits break is said to break, one made after them holds."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.interop._mail_programs import signed, verified

DOMAIN: Final = "demo.example"
_BITS: Final = 2048
_EXPONENT: Final = 65_537
PASS: Final = "pass"


@dataclass(frozen=True, slots=True)
class Signer:
    """A domain that signs its mail: its key, and what DNS says of it."""

    key: str
    record: str

    def sign(self, mail: bytes) -> bytes:
        """Sign a mail as the domain."""
        return signed(mail, DOMAIN, self.key)

    def results(self, mails: list[bytes], folder: Path) -> list[str]:
        """Have the signatures of mails verified; `pass` where one holds."""
        paths = [folder / f"signed-{number}.eml" for number in range(len(mails))]
        for path, raw in zip(paths, mails, strict=True):
            path.write_bytes(raw)
        return verified(paths, self.record)


def signer() -> Signer:
    """Make a domain with a fresh key."""
    key = rsa.generate_private_key(_EXPONENT, _BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    shown = base64.b64encode(public).decode()
    return Signer(key=private.decode(), record=f"v=DKIM1; k=rsa; p={shown}")
