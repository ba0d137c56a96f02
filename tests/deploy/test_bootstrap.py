"""The secrets of the containers."""

import json
from pathlib import Path

import jwt
import pytest

from deploy import bootstrap
from deploy.local.credentials import AUDIENCE, ISSUER


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    written = bootstrap.write(tmp_path)
    kept = {name: (tmp_path / "secrets" / name).read_text() for name in written}
    assert bootstrap.write(tmp_path) == []
    (tmp_path / "secrets" / "token_keys").unlink()
    assert bootstrap.write(tmp_path) == ["token_keys"]
    assert {name: (tmp_path / "secrets" / name).read_text() for name in written} == kept


def test_containers_may_read_them_and_nobody_else(tmp_path: Path) -> None:
    bootstrap.write(tmp_path)
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o444}


def test_a_token_is_signed_by_the_key_that_the_services_are_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap.write(tmp_path)
    assert bootstrap.main(["token", "manager", "mia"], tmp_path) == 0
    token = capsys.readouterr().out.strip()
    key = json.loads((tmp_path / "secrets" / "jwks").read_text())["keys"][0]
    claims = jwt.decode(
        token, jwt.PyJWK(key).key, algorithms=["ES256"], audience=AUDIENCE, issuer=ISSUER
    )
    assert (claims["sub"], claims["tenant"], claims["roles"]) == ("mia", "demo", ["manager"])


@pytest.mark.parametrize("arguments", [["token"], ["token", "king"], ["write"]])
def test_anything_else_is_explained(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bootstrap.main(arguments, tmp_path) == 2
    assert "usage" in capsys.readouterr().err
