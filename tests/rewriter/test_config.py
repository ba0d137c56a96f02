import pytest

from services.rewriter.config import Config
from services.runtime.config import ConfigError, load
from tests.rewriter.given import CONFIG, ENVIRON


def test_what_is_needed_is_enough() -> None:
    assert (CONFIG.doors.port, CONFIG.doors.private_port) == (7410, 7460)
    assert CONFIG.tracking_url == "https://t.example"
    assert CONFIG.token_keys.signing == 2
    assert CONFIG.recipient_key == bytes.fromhex("ef" * 32)
    assert "ef" * 4 not in repr(CONFIG)
    assert "\\xef" not in repr(CONFIG)


@pytest.mark.parametrize("name", sorted(ENVIRON))
def test_everything_that_is_needed_is_demanded(name: str) -> None:
    environ = {other: value for other, value in ENVIRON.items() if other != name}
    with pytest.raises(ConfigError, match=name):
        load(Config, environ, "rewriter")


@pytest.mark.parametrize(
    "url",
    [
        "t.example",
        "ftp://t.example",
        "https://u:p@t.example",
        "https://t.example/?x=1",
        "https://t.example/#x",
        "https://t.example/" + "x" * 255,
    ],
)
def test_a_tracking_url_that_cannot_carry_tokens_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="TRACKING_URL"):
        load(Config, {**ENVIRON, "INKLING_REWRITER_TRACKING_URL": url}, "rewriter")


@pytest.mark.parametrize(
    ("name", "value"),
    [("INKLING_REWRITER_RECIPIENT_KEY", "abcd"), ("INKLING_TOKEN_KEYS", "1:" + "ab" * 31)],
)
def test_a_bad_secret_is_refused_without_being_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as refused:
        load(Config, {**ENVIRON, name: value}, "rewriter")
    assert value not in str(refused.value)
