"""The ``Idempotency-Key`` header: one answer for a key and body, whatever happens on the way."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.aws.dynamo import idempotency_store
from lambdas.aws.dynamo.idempotency_store import Claim, KeptAnswers
from lambdas.aws.dynamo.table import Table
from lambdas.handlers import predict
from lambdas.http.request import InvalidKeyError, read_idempotency_key
from relearn.errors import ConflictError
from tests.moto.test_predict import EVENT, GOOD, refusal
from tests.support.wire import LocalAWS
from tests.support.world import TABLE, LambdaContext, World

ROLE = "arn:aws:sts::123456789012:assumed-role"
SIGNED = {"iam": {"userArn": f"{ROLE}/shop/one", "cognitoIdentity": None}}
OTHER = {"instances": [{"length": 1.0, "width": 1.0}]}
WHO = "somebody"
CLAIM = Claim("flowers", WHO, "key", "digest", "me")


class Seconds:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def call(
    key: str, body: Any = None, model: str = "flowers", authorizer: dict[str, Any] | None = None
) -> tuple[int, dict[str, str], Any]:
    answer = predict.handler(
        {
            **EVENT,
            "body": json.dumps(GOOD if body is None else body),
            "headers": {"content-type": "application/json", "idempotency-key": key},
            "pathParameters": {"model": model},
            "requestContext": {**EVENT["requestContext"], "authorizer": authorizer or SIGNED},
        },
        LambdaContext(),
    )
    return answer["statusCode"], answer["headers"], json.loads(answer["body"])


def asked(world: World) -> int:
    return world.sagemaker.calls.count("InvokeEndpoint")


@pytest.fixture
def live(world: World, local_aws: LocalAWS) -> World:
    del local_aws
    world.serve("flowers")
    return world


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def kept(world: World, clock: Seconds) -> KeptAnswers:
    return KeptAnswers(Table(world.dynamodb, TABLE), clock)


def test_the_same_key_and_body_get_the_same_answer_and_the_model_is_asked_once(live: World) -> None:
    first, second = call("a"), call("a")
    assert first[0] == second[0] == 200
    assert first[2] == second[2]
    assert asked(live) == 1
    assert "idempotency-replayed" not in first[1]
    assert second[1]["idempotency-replayed"] == "true"


def test_a_promotion_in_between_does_not_change_the_answer_of_a_key(live: World) -> None:
    first = call("a")[2]
    live.sagemaker.brain = lambda _endpoint, _body: (500, {})
    assert call("a")[2] == first


def test_a_key_belongs_to_one_model(live: World) -> None:
    live.serve("prices")
    assert call("a")[0] == call("a", {"instances": [{"area": 1.0}]}, "prices")[0] == 200


def of_pool(identity: str) -> dict[str, Any]:
    """Who signs with a Cognito identity pool's role: every user has the same ARN."""
    return {
        "iam": {
            "userArn": f"{ROLE}/pool/CognitoIdentityCredentials",
            "cognitoIdentity": {"identityId": identity},
        }
    }


def of_token(**claims: str) -> dict[str, Any]:
    return {"jwt": {"claims": {"iss": "https://login.example.com/", **claims}, "scopes": []}}


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (SIGNED, {"iam": {"userArn": f"{ROLE}/shop/two"}}),
        (SIGNED, {"iam": {"userArn": "arn:aws:iam::123456789012:user/one"}}),
        (of_pool("eu:1"), of_pool("eu:2")),
        (of_token(sub="alice"), of_token(sub="bob")),
        (of_token(sub="alice"), of_token(sub="alice", iss="https://other.example.com/")),
        (of_token(client_id="a"), of_token(client_id="b")),
        (of_token(azp="a"), of_token(azp="b")),
        (SIGNED, of_token(sub=f"{ROLE}/shop/one")),
    ],
    ids=["session", "user", "pool", "subject", "issuer", "client", "claims", "kind"],
)
def test_a_key_belongs_to_who_sent_it(live: World, one: dict[str, Any], another: dict[str, Any]) -> None:
    """The fields are those of API Gateway's payload 2.0; the claims of a token arrive as texts."""
    first, second = call("a", authorizer=one), call("a", authorizer=another)
    assert asked(live) == 2
    assert "idempotency-replayed" not in second[1]
    assert first[2]["predictions"][0]["id"] != second[2]["predictions"][0]["id"]
    assert call("a", OTHER, authorizer={"iam": {"userArn": "a third"}})[0] == 200


def test_while_a_request_is_answered_its_key_is_taken(live: World) -> None:
    inside, go_on = threading.Event(), threading.Event()
    answer = live.sagemaker.brain

    def slow(endpoint: str, body: dict[str, Any]) -> tuple[int, Any]:
        inside.set()
        assert go_on.wait(10)
        return answer(endpoint, body)

    live.sagemaker.brain = slow
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(call("a")))
    thread.start()
    assert inside.wait(10)
    status, headers, problem = call("a")
    go_on.set()
    thread.join()
    assert (status, headers["retry-after"]) == (409, "1")
    assert problem["type"] == "urn:relearn:problem:idempotency-key-in-use"
    assert first[0][0] == 200
    assert call("a")[2] == first[0][2]
    assert asked(live) == 1


def test_a_request_that_failed_has_not_used_its_key_up(live: World, local_aws: LocalAWS) -> None:
    local_aws.once = [refusal("ValidationError")]
    assert call("a")[0] == 502
    assert call("a")[0] == 200
    assert asked(live) == 1


@pytest.mark.usefixtures("live")
def test_a_wrong_body_has_not_used_its_key_up() -> None:
    assert call("a", [])[0] == 422
    assert call("a")[0] == 200


def test_the_largest_answer_that_is_kept_fits_into_an_item(kept: KeptAnswers) -> None:
    noise = {"text": "".join(f"{number * 2654435761 % 2**32:08x}" for number in range(200_000))}
    packed = idempotency_store._pack(noise)
    part = len(noise["text"]) * idempotency_store.MAX_KEPT_CHARACTERS // len(packed)
    while (
        len(idempotency_store._pack({"text": noise["text"][:part]})) > idempotency_store.MAX_KEPT_CHARACTERS
    ):
        part -= 1000
    kept.claim(CLAIM)
    kept.keep(CLAIM, {"text": noise["text"][:part]})
    known = kept.claim(Claim("flowers", WHO, "key", "digest", "other"))
    assert known is not None
    assert known.answer == {"text": noise["text"][:part]}


# claims


def test_a_claim_that_is_repeated_is_the_same_claim(kept: KeptAnswers) -> None:
    assert kept.claim(CLAIM) is None
    assert kept.claim(CLAIM) is None


def test_a_claim_without_an_answer_is_over_when_nobody_can_be_at_work_on_it(
    kept: KeptAnswers, clock: Seconds
) -> None:
    kept.claim(CLAIM)
    clock.now += idempotency_store.CLAIM_SECONDS - 1
    other = Claim("flowers", WHO, "key", "digest", "other")
    assert kept.claim(other) is not None
    clock.now += 1
    assert kept.claim(other) is None
    with pytest.raises(ConflictError):
        kept.keep(CLAIM, {"late": True})


def test_a_lost_claim_is_not_taken_over_with_another_body(kept: KeptAnswers, clock: Seconds) -> None:
    kept.claim(CLAIM)
    clock.now += idempotency_store.CLAIM_SECONDS
    assert kept.claim(Claim("flowers", WHO, "key", "another digest", "other")) is not None


def test_a_key_is_forgotten_after_a_day_even_when_dynamodb_has_not_deleted_it_yet(
    kept: KeptAnswers, clock: Seconds
) -> None:
    kept.claim(CLAIM)
    kept.keep(CLAIM, {"a": 1})
    clock.now += idempotency_store.KEPT_SECONDS - 1
    other = Claim("flowers", WHO, "key", "another digest", "other")
    assert kept.claim(other) is not None
    clock.now += 1
    assert kept.claim(other) is None


def test_a_kept_answer_says_when_it_may_be_deleted(world: World, kept: KeptAnswers, clock: Seconds) -> None:
    kept.claim(CLAIM)
    item = world.dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": CLAIM.pk}, "sk": {"S": CLAIM.sk}})[
        "Item"
    ]
    assert item["expires_at"] == {"N": str(int(clock.now) + 24 * 3600)}
    assert item["pk"] == {"S": "IDEMPOTENCY#flowers"}
    assert "key" not in json.dumps([item["pk"], item["sk"]])


# keys


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=255))
def test_any_visible_ascii_is_a_key_when_quoted(key: str) -> None:
    quoted = key.replace("\\", "\\\\").replace('"', '\\"')
    assert read_idempotency_key({"idempotency-key": f'"{quoted}"'}) == key


@given(st.text())
def test_any_other_header_is_a_key_or_refused(text: str) -> None:
    try:
        key = read_idempotency_key({"idempotency-key": text})
    except InvalidKeyError:
        return
    assert key
    assert len(key) <= 255
    assert key.isascii()
    assert key.isprintable()


def test_a_key_is_given_back_by_who_claimed_it_only(kept: KeptAnswers) -> None:
    kept.claim(CLAIM)
    kept.release(replace(CLAIM, owner="somebody else"))
    known = kept.claim(replace(CLAIM, owner="a third"))
    assert known is not None
    assert known.answer is None
