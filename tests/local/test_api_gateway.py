"""The API gateway's own rules, without a cloud: which tokens are valid, and how often is too often."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from local.api_gateway import throttle, tokens
from local.api_gateway.issuer import Issuer
from local.api_gateway.throttle import Throttle

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ISSUER = "https://login.example.com/"
NOW, DAY = int(time.time()), 24 * 3600
GOOD: dict[str, Any] = {"iss": ISSUER, "aud": "relearn", "exp": NOW + 2 * DAY, "scope": "relearn/predict"}


def claims(key_id: str = "one", algorithm: str = "RS256", key: Any = KEY, **changes: Any) -> Any:
    """What a token says once it is checked; None leaves a claim out."""
    said = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    token = jwt.encode(said, key, algorithm, headers={"kid": key_id})
    return tokens.claims_of(token, {"one": KEY.public_key()}, issuer=ISSUER, audience=["relearn", "other"])


def test_a_valid_token_says_what_it_says() -> None:
    assert claims() == GOOD


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_every_rsa_signature_of_the_issuer_counts(algorithm: str) -> None:
    assert claims(algorithm=algorithm) == GOOD


@pytest.mark.parametrize(
    "audience",
    [{"aud": ["x", "other"]}, {"aud": None, "client_id": "relearn"}, {"aud": "other", "client_id": "x"}],
)
def test_the_audience_is_one_of_several_or_else_the_client(audience: dict[str, Any]) -> None:
    assert claims(**audience)


@pytest.mark.parametrize(
    "wrong",
    [
        {"key_id": "two"},
        {"exp": NOW - DAY},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": NOW + DAY},
        {"iat": NOW + DAY},
        {"iss": "https://login.example.com"},
        {"iss": None},
        {"aud": "x"},
        {"aud": None},
        {"aud": "x", "client_id": "relearn"},
        {"algorithm": "PS256"},
        {"algorithm": "HS256", "key": "a secret that is long enough for the algorithm"},
        {"algorithm": "none", "key": None},
        {"exp": str(NOW + DAY)},
        {"exp": float("inf")},
        {"exp": [NOW + DAY]},
        {"exp": True},
        {"nbf": str(NOW - DAY)},
        {"nbf": False},
        {"nbf": float("nan")},
        {"iat": str(NOW - DAY)},
        {"iat": True},
        {"iat": {}},
        {"aud": {"relearn": True}},
        {"aud": [["relearn"]]},
        {"aud": ["relearn", 1]},
        {"aud": []},
        {"aud": 1},
        {"aud": None, "client_id": {"relearn": True}},
    ],
    ids=lambda wrong: "-".join(f"{name}-{type(value).__name__}" for name, value in wrong.items()),
)
def test_any_other_token_is_not_valid(wrong: dict[str, Any]) -> None:
    with pytest.raises(tokens.InvalidTokenError):
        claims(**wrong)


def test_a_token_is_three_parts_and_nothing_around_them() -> None:
    good = jwt.encode(GOOD, KEY, "RS256", headers={"kid": "one"})
    for changed in (
        f"{good},",
        f"{good}, {good}",
        f"{good}=",
        f"{good}==",
        f" {good}",
        f"{good}\n",
        f"{good}.x",
    ):
        with pytest.raises(tokens.InvalidTokenError, match="malformed"):
            tokens.claims_of(changed, {"one": KEY.public_key()}, issuer=ISSUER, audience=["relearn"])


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "nbf", "iat", "kid", "alg", "crit"])
def test_why_a_token_is_refused_repeats_nothing_that_it_says(name: str) -> None:
    """It goes into a header of the answer, where a quote or a line's end would begin something else."""
    said = 'x"\r\nset-cookie: a=b'
    header = {"kid": "one"} | ({name: said} if name in ("kid", "crit") else {})
    token = jwt.encode(GOOD if name in header else GOOD | {name: said}, KEY, "RS256", headers=header)
    if name == "alg":
        encoded = (
            base64.urlsafe_b64encode(json.dumps({"kid": "one", "alg": said}).encode()).rstrip(b"=").decode()
        )
        token = f"{encoded}.{token.partition('.')[2]}"
    with pytest.raises(tokens.InvalidTokenError) as refused:
        tokens.claims_of(token, {"one": KEY.public_key()}, issuer=ISSUER, audience=["relearn"])
    assert re.fullmatch(r"[a-zA-Z' ]+", str(refused.value))


@given(st.text(max_size=60) | st.from_regex(r"[\w-]{1,40}\.[\w-]{1,40}\.[\w-]{1,40}", fullmatch=True))
def test_what_is_no_token_is_not_valid(text: str) -> None:
    with pytest.raises(tokens.InvalidTokenError):
        tokens.claims_of(text, {"one": KEY.public_key()}, issuer=ISSUER, audience=["relearn"])


@pytest.mark.parametrize(
    ("said", "scopes"),
    [
        ({}, []),
        ({"scope": "b a  a"}, ["a", "b"]),
        ({"scp": ["b", "a"]}, ["a", "b"]),
        ({"scope": "a", "scp": "b"}, ["a", "b"]),
        ({"scope": None}, []),
        ({"scope": {"a": True}}, []),
        ({"scp": ["a", 1]}, []),
        ({"scp": 1, "scope": True}, []),
    ],
)
def test_scopes_are_words_or_a_list(said: dict[str, Any], scopes: list[str]) -> None:
    assert tokens.scopes_of(said) == scopes


@given(
    st.lists(st.floats(0, 2), max_size=60),
    st.floats(0.5, 20),
    st.integers(1, 10),
)
def test_never_more_than_the_burst_and_what_came_back_since_are_let_in(
    pauses: list[float], rate: float, burst: int
) -> None:
    now = 0.0
    bucket, admitted = Throttle(lambda: now), 0
    for pause in pauses:
        now += pause
        admitted += bucket.admits("route", rate=rate, burst=burst)
        assert admitted <= burst + now * rate + 1e-6
    now += burst / rate + 1
    assert [bucket.admits("route", rate=rate, burst=burst) for _ in range(burst)] == [True] * burst


def test_each_route_has_a_bucket_of_its_own() -> None:
    bucket = Throttle(lambda: 0.0)
    assert [bucket.admits(name, rate=1, burst=1) for name in ("a", "b", "a")] == [True, True, False]


def test_a_routes_own_limits_come_before_the_stages() -> None:
    own = {"POST /a": {"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 2}}
    stage = {
        "routeSettings": own,
        "defaultRouteSettings": {"throttlingRateLimit": 3, "throttlingBurstLimit": 4},
    }
    assert throttle.limits(stage, "POST /a") == (1, 2)
    assert throttle.limits(stage, "POST /b") == (3, 4)
    assert throttle.limits({}, "POST /b") is None


def test_the_issuer_gives_tokens_only_to_who_has_its_secret() -> None:
    issuer = Issuer("http://127.0.0.1:1")
    form = "grant_type=client_credentials&client_id=laptop&client_secret="
    assert issuer.answer("POST", "/token", f"{form}guessed".encode())[0] == 401
    assert issuer.answer("POST", "/token", b"")[0] == 400
    status, refused = issuer.answer("POST", "/token", f"{form}{issuer.client['client_secret']}".encode())
    assert (status, refused["error_description"]) == (
        400,
        "the deployed API takes no tokens: its api_auth is not jwt",
    )


def test_the_issuer_shows_its_keys_and_where_it_is() -> None:
    issuer = Issuer("http://127.0.0.1:1")
    _, about = issuer.answer("GET", "/.well-known/openid-configuration", b"")
    assert about["token_endpoint"] == issuer.client["token_endpoint"]
    _, shown = issuer.answer("GET", about["jwks_uri"].removeprefix("http://127.0.0.1:1/_issuer"), b"")
    (key,) = jwt.PyJWKSet.from_dict(shown).keys
    assert list(issuer.keys) == [key.key_id]
    assert issuer.answer("GET", "/nothing", b"")[0] == 404
