import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from prometheus_client import CollectorRegistry

from services.runtime.access import (
    Principal,
    Role,
    Verifier,
    open_verifier,
    parse_key_set,
    principal,
)
from services.runtime.config import AccessConfig
from services.runtime.errors import Fatal, Transient
from services.runtime.problem import Problem
from services.runtime.web import RequestMetrics, answer, application
from tests.support.clock import START, ManualClock

NOW = START // 1_000_000
EC = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
EDWARDS = ed25519.Ed25519PrivateKey.generate()
CLAIMS: dict[str, Any] = {"sub": "ana", "tenant": "demo", "roles": ["seller"], "exp": NOW + 60}


def key_set(*more: dict[str, Any]) -> bytes:
    algorithms = jwt.algorithms
    return orjson.dumps(
        {
            "keys": [
                {**algorithms.ECAlgorithm.to_jwk(EC.public_key(), as_dict=True), "kid": "ec"},
                {**algorithms.RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True), "kid": "rsa"},
                {**algorithms.OKPAlgorithm.to_jwk(EDWARDS.public_key(), as_dict=True), "kid": "ed"},
                *more,
            ]
        }
    )


def described(key: ec.EllipticCurvePrivateKey, key_id: str) -> dict[str, Any]:
    return {**jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id}


def signed(
    claims: dict[str, Any] | None = None, kid: str | None = "ec", alg: str = "ES256", key: Any = EC
) -> str:
    headers = {"kid": kid} if kid else {}
    return jwt.encode(claims or CLAIMS, key, algorithm=alg, headers=headers)


def without(name: str) -> dict[str, Any]:
    return {claim: value for claim, value in CLAIMS.items() if claim != name}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


class Keys:
    """A key set in memory, which a test may replace or take away."""

    def __init__(self) -> None:
        self.document: bytes | None = key_set()

    async def read(self) -> bytes:
        if self.document is None:
            raise Transient("the key set is out of reach")
        return self.document


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_bytes(key_set())
    return path


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def verifier(keys: Keys, clock: ManualClock) -> Verifier:
    return Verifier(keys, None, None, clock)


async def refusal(verifier: Verifier, token: str) -> str:
    with pytest.raises(Problem) as problem:
        await verifier.verify(token)
    assert problem.value.status == 401
    assert problem.value.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert token not in problem.value.detail
    return problem.value.detail


@pytest.mark.parametrize(
    ("kid", "alg", "key"),
    [
        ("ec", "ES256", EC),
        ("rsa", "RS256", RSA),
        ("rsa", "PS256", RSA),
        ("ed", "EdDSA", EDWARDS),
    ],
)
async def test_a_good_token_names_its_principal(
    verifier: Verifier, kid: str, alg: str, key: Any
) -> None:
    expected = Principal(subject="ana", tenant="demo", roles=frozenset({Role.SELLER}))
    assert await verifier.verify(signed(kid=kid, alg=alg, key=key)) == expected


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        (CLAIMS | {"exp": NOW - 6}, "it has expired"),
        (CLAIMS | {"exp": "soon"}, "`exp` is not a number"),
        (CLAIMS | {"exp": True}, "`exp` is not a number"),
        (CLAIMS | {"nbf": NOW + 60}, "it is not valid yet"),
        (CLAIMS | {"nbf": []}, "`nbf` is not a number"),
        (without("exp"), "`exp` is not a number"),
        (without("sub"), "`sub` is not a short text"),
        (without("tenant"), "`tenant` is not a short text"),
        (without("roles"), "`roles` is not an array"),
        (CLAIMS | {"tenant": 7}, "`tenant` is not a short text"),
        (CLAIMS | {"tenant": ""}, "`tenant` is not a short text"),
        (CLAIMS | {"tenant": "a\0b"}, "`tenant` is not a short text"),
        (CLAIMS | {"sub": "x" * 256}, "`sub` is not a short text"),
        (CLAIMS | {"roles": "seller"}, "`roles` is not an array"),
        (CLAIMS | {"roles": [1]}, "`roles` is not an array"),
    ],
)
async def test_a_token_with_a_bad_claim_is_refused(
    verifier: Verifier, claims: dict[str, Any], why: str
) -> None:
    # PyJWT refuses to write some of these, an attacker does not
    assert why in await refusal(
        verifier, jwt.api_jws.encode(orjson.dumps(claims), EC, "ES256", {"kid": "ec"})
    )


async def test_a_clock_may_differ_by_a_few_seconds(verifier: Verifier) -> None:
    await verifier.verify(signed(CLAIMS | {"exp": NOW - 3, "nbf": NOW + 3, "iat": NOW + 3}))


async def test_symmetric_and_absent_signatures_are_refused(verifier: Verifier) -> None:
    public = EC.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    hmac = jwt.encode(CLAIMS, public, algorithm="HS256", headers={"kid": "ec"})
    assert "algorithm is not the key's" in await refusal(verifier, hmac)
    nothing = jwt.encode(CLAIMS, "", algorithm="none", headers={"kid": "ec"})
    assert "algorithm is not the key's" in await refusal(verifier, nothing)
    assert "algorithm is not the key's" in await refusal(verifier, signed(alg="RS256", key=RSA))


async def test_a_signature_of_another_key_or_over_other_claims_is_refused(
    verifier: Verifier,
) -> None:
    assert "signature" in await refusal(verifier, signed(key=OTHER))
    head, _, tail = signed().split(".")
    forged = base64.urlsafe_b64encode(orjson.dumps(CLAIMS | {"tenant": "other"})).rstrip(b"=")
    assert "signature" in await refusal(verifier, f"{head}.{forged.decode()}.{tail}")


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "é.é.é", "e30.e30.e30"])
async def test_what_is_no_jwt_is_refused(verifier: Verifier, token: str) -> None:
    await refusal(verifier, token)


async def test_issuer_and_audience_count_where_configured(keys: Keys, clock: ManualClock) -> None:
    verifier = Verifier(keys, "https://id.example", "inkling", clock)
    good = CLAIMS | {"iss": "https://id.example", "aud": "inkling"}
    await verifier.verify(signed(good))
    await verifier.verify(signed(good | {"aud": ["other", "inkling"]}))
    assert "issuer" in await refusal(verifier, signed(good | {"iss": "https://evil.example"}))
    assert "issuer" in await refusal(verifier, signed(CLAIMS | {"aud": "inkling"}))
    assert "not meant for us" in await refusal(verifier, signed(good | {"aud": "other"}))
    assert "not meant for us" in await refusal(
        verifier, signed(CLAIMS | {"iss": "https://id.example"})
    )


async def test_a_new_key_is_found_but_not_looked_for_at_every_strangers_wish(
    verifier: Verifier, keys: Keys, clock: ManualClock
) -> None:
    await verifier.verify(signed())
    token = signed(kid="new", key=OTHER)
    keys.document = key_set(described(OTHER, "new"))
    assert "no key of ours" in await refusal(verifier, token)
    clock.advance(11)
    assert (await verifier.verify(token)).subject == "ana"


async def test_a_withdrawn_key_is_forgotten(
    verifier: Verifier, keys: Keys, clock: ManualClock
) -> None:
    token = signed(CLAIMS | {"exp": NOW + 10_000})
    await verifier.verify(token)
    keys.document = orjson.dumps({"keys": [described(OTHER, "new")]})
    clock.advance(301)
    assert "no key of ours" in await refusal(verifier, token)


async def test_keys_outlive_an_outage_of_their_source(
    verifier: Verifier, keys: Keys, clock: ManualClock
) -> None:
    token = signed(CLAIMS | {"exp": NOW + 10_000})
    await verifier.verify(token)
    keys.document = b"<html>"
    clock.advance(301)
    assert (await verifier.verify(token)).subject == "ana"
    assert verifier.healthy() is None


async def test_without_any_key_nobody_is_refused_but_asked_to_come_back(
    keys: Keys, clock: ManualClock
) -> None:
    keys.document = None
    verifier = Verifier(keys, None, None, clock)
    with pytest.raises(Problem) as problem:
        await verifier.verify(signed())
    assert (problem.value.status, problem.value.headers["Retry-After"]) == (503, "5")
    assert verifier.healthy() == "the key set is out of reach"


async def test_a_token_may_leave_out_the_id_of_the_only_key(keys: Keys, clock: ManualClock) -> None:
    keys.document = orjson.dumps({"keys": [described(EC, "only")]})
    verifier = Verifier(keys, None, None, clock)
    assert (await verifier.verify(signed(kid=None))).tenant == "demo"
    keys.document = key_set()
    clock.advance(301)
    token = signed(CLAIMS | {"exp": NOW + 10_000}, kid=None)
    assert "no key of ours" in await refusal(verifier, token)


def test_keys_that_nobody_should_trust_are_left_out() -> None:
    weak = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 the point
    untrusted: list[dict[str, Any]] = [
        {"kty": "oct", "k": "AAAA", "kid": "shared"},
        {**described(OTHER, "encryption"), "use": "enc"},
        {**described(OTHER, "other-algorithm"), "alg": "HS256"},
        {**jwt.algorithms.ECAlgorithm.to_jwk(OTHER, as_dict=True), "kid": "private"},
        {**jwt.algorithms.RSAAlgorithm.to_jwk(weak, as_dict=True), "kid": "weak"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "broken"},
    ]
    assert set(parse_key_set(key_set(*untrusted))) == {"ec", "rsa", "ed"}
    with pytest.raises(Transient, match="no public key"):
        parse_key_set(orjson.dumps({"keys": untrusted}))


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": ["x"]}', b'{"keys":[{}]}']
)
def test_what_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(Transient):
        parse_key_set(document)


async def test_a_key_set_is_fetched_from_a_url_and_missed_without_harm(clock: ManualClock) -> None:
    async def show(request: web.Request) -> web.Response:
        return web.Response(body=key_set(), content_type="application/json")

    app = web.Application()
    app.router.add_get("/jwks", show)
    async with TestServer(app) as server:
        there = AccessConfig(jwks=str(server.make_url("/jwks")))
        async with open_verifier(there, clock) as verifier:
            assert (await verifier.verify(signed())).subject == "ana"
        missing = AccessConfig(jwks=str(server.make_url("/nowhere")))
        async with open_verifier(missing, clock) as verifier:
            assert verifier.healthy() == "the key set's URL answers 404"


async def test_a_key_set_is_read_from_a_file(path: Path, clock: ManualClock) -> None:
    async with open_verifier(AccessConfig(jwks=str(path)), clock) as verifier:
        assert verifier.healthy() is None
        assert (await verifier.verify(signed())).subject == "ana"


async def test_a_file_without_keys_is_fatal_at_the_start(tmp_path: Path) -> None:
    config = AccessConfig(jwks=str(tmp_path / "none.json"))
    with pytest.raises(Fatal, match="INKLING_JWKS"):
        async with open_verifier(config, ManualClock()):
            pass


@asynccontextmanager
async def door(verifier: Verifier) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async def mine(request: web.Request) -> web.Response:
        found = principal(request, Role.SELLER)
        return answer({"subject": found.subject, "roles": sorted(found.roles)})

    async def hand_in(request: web.Request) -> web.Response:
        return answer({"subject": principal(request, Role.SENDER).subject})

    async def forgetful(request: web.Request) -> web.Response:
        return answer({})

    app = application(
        [
            web.get("/mine", mine),
            web.post("/hand-in", hand_in),
            web.get("/forgetful", forgetful),
            web.get("/console/", forgetful),
        ],
        openapi=b"{}",
        verifier=verifier,
        max_body_bytes=1000,
        metrics=RequestMetrics("alerts", CollectorRegistry()),
        public={"/console/"},
    )
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize(
    ("roles", "seller", "sender"),
    [
        (["sender"], 403, 200),
        (["seller"], 200, 403),
        (["manager"], 200, 403),
        (["admin"], 200, 403),
        (["admin", "sender"], 200, 200),
        (["editor"], 403, 403),
        ([], 403, 403),
    ],
)
async def test_roles_include_one_another_and_sender_stands_alone(
    verifier: Verifier, roles: list[str], seller: int, sender: int
) -> None:
    token = signed(CLAIMS | {"roles": roles})
    headers = {"Authorization": f"bearer {token}"}
    async with door(verifier) as client:
        async with client.get("/mine", headers=headers) as response:
            assert response.status == seller
        async with client.post("/hand-in", headers=headers) as response:
            assert response.status == sender


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer "}, {"Authorization": "Basic YTpi"}]
)
async def test_every_door_asks_for_a_token_even_where_its_handler_forgets_to(
    verifier: Verifier, header: dict[str, str]
) -> None:
    async with door(verifier) as client:
        for path in ("/mine", "/forgetful"):
            async with client.get(path, headers=header) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"] == "Bearer"
                assert response.content_type == "application/problem+json"


async def test_what_is_public_needs_no_token_and_what_is_not_there_is_not_found(
    verifier: Verifier,
) -> None:
    async with door(verifier) as client:
        for path, status in (("/openapi.json", 200), ("/console/", 200), ("/nowhere", 404)):
            async with client.get(path) as response:
                assert response.status == status
