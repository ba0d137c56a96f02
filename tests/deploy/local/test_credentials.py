from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from deploy.local.credentials import AUDIENCE, ISSUER, Credentials
from deploy.local.postgres import ROLES, SUPERUSER


def read(credentials: Credentials, token: str) -> dict[str, Any]:
    (published,) = json.loads(credentials.jwks.read_text())["keys"]
    assert jwt.get_unverified_header(token)["kid"] == published["kid"]
    key = jwt.PyJWK.from_dict(published)
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["ES256"], audience=AUDIENCE, issuer=ISSUER
    )
    return claims


def test_a_token_says_who_and_is_verified_by_the_published_key(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    claims = read(credentials, credentials.token(tenant="t-1", subject="ana", roles=["seller"]))
    assert (claims["tenant"], claims["sub"], claims["roles"]) == ("t-1", "ana", ["seller"])


def test_a_negative_lifetime_makes_an_expired_token(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    token = credentials.token(tenant="t-1", subject="ana", roles=["seller"], seconds=-60)
    with pytest.raises(jwt.ExpiredSignatureError):
        read(credentials, token)


def test_everything_is_kept_over_a_restart(tmp_path: Path) -> None:
    before = Credentials(tmp_path)
    token = before.token(tenant="t-1", subject="ana", roles=["seller"])
    after = Credentials(tmp_path)
    assert (after.token_keys, after.recipient_key) == (before.token_keys, before.recipient_key)
    assert after.passwords == before.passwords
    assert read(after, token)["sub"] == "ana"


def test_two_stacks_share_nothing(tmp_path: Path) -> None:
    one, other = Credentials(tmp_path / "one"), Credentials(tmp_path / "other")
    assert one.token_keys != other.token_keys
    assert not set(one.passwords.values()) & set(other.passwords.values())


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    Credentials(directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_each_role_has_a_password_of_its_own(tmp_path: Path) -> None:
    passwords = Credentials(tmp_path).passwords
    assert passwords.keys() == {SUPERUSER, *ROLES}
    assert len(set(passwords.values())) == len(passwords)


def test_a_role_that_came_later_gets_one_and_the_others_keep_theirs(tmp_path: Path) -> None:
    before = Credentials(tmp_path).passwords
    kept = json.loads((tmp_path / "secrets.json").read_text())
    del kept["password:inkling_alerts_reader"]
    (tmp_path / "secrets.json").write_text(json.dumps(kept))
    after = Credentials(tmp_path).passwords
    assert after.keys() == before.keys()
    assert after["postgres"] == before["postgres"]
