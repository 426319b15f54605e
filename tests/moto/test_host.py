"""A model's host: its versions are scored in the function's own process, by the container's code."""

from __future__ import annotations

import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lambdas.handlers import host
from lambdas.serving import in_process_models
from relearn.records import predictions
from scoring import artifact as artifacts
from scoring.app import FAILS, NO_ANSWER, App
from tests.moto.test_predict import EVENT, lines
from tests.support.hosted import MODEL, artifact, bomb, direct, files, fussy_graph, serve, store
from tests.support.records import Queue, keyed
from tests.support.wire import LocalAWS
from tests.support.world import ARTIFACTS, LambdaContext, World, tar_gz

BODY = {"instances": [{"area": 50.0}, {"area": 60.5}]}


@pytest.fixture
def there(world: World, local_aws: LocalAWS, monkeypatch: pytest.MonkeyPatch) -> World:
    """A stage whose function is that of the prices model."""
    del local_aws
    monkeypatch.setenv("HOSTED_MODEL", MODEL)
    return world


@pytest.fixture
def live(there: World) -> World:
    """Version 1, which multiplies by two, serves from Lambda."""
    store(there, 1, artifact(2.0))
    serve(there, 1)
    return there


def call(body: Any = None, path: str = f"/v1/models/{MODEL}/predict", **changes: Any) -> tuple[int, Any]:
    """Call the function as API Gateway does, by the model's own route: nothing in its path is left open."""
    text = json.dumps(BODY if body is None else body)
    event = {name: value for name, value in EVENT.items() if name != "pathParameters"}
    event |= {"routeKey": f"POST {path}", "rawPath": path, "body": text}
    answer = host.handler({**event, **changes}, LambdaContext())
    return answer["statusCode"], json.loads(answer["body"])


def loaded(world: World) -> list[int]:
    """The versions that were fetched, in order."""
    return [int(key.split("/")[2].removeprefix("job-")) for key in world.aws.fetched]


# asked directly


def test_a_version_answers_byte_for_byte_as_its_container(there: World, tmp_path: Any) -> None:
    store(there, 1, artifact(1.1))
    for name, content in files(1.1).items():
        (tmp_path / name).write_bytes(content)
    body = json.dumps({"instances": [{"area": 50.0}]})
    status, expected = App(artifacts.load(tmp_path), 1).invocation(body.encode())
    found = direct(1)
    assert (status, found["body"]) == (200, expected.decode())
    assert (found["milliseconds"] > 0, found["started"]) == (True, True)
    assert direct(1)["started"] is False


def test_what_breaks_the_spec_fails_with_the_containers_status(live: World) -> None:
    del live
    answer = host.handler({"version": 1, "body": '{"instances": [{"area": "wide"}]}'}, LambdaContext())
    assert answer == {"failed": "the model answered with status 400"}


def test_an_instance_at_which_the_graph_fails_is_named_and_the_others_are_answered(there: World) -> None:
    store(there, 1, tar_gz(files(0, fussy_graph())))
    serve(there, 1)
    status, problem = call({"instances": [{"area": 1.0}, {"area": 50.0}, {"area": 2.0}]})
    assert (status, problem["type"]) == (422, "urn:relearn:problem:invalid-instances")
    assert problem["errors"] == [{"pointer": "/instances/1", "detail": FAILS}]
    assert [
        one["value"] for one in call({"instances": [{"area": 1.0}, {"area": 2.0}]})[1]["predictions"]
    ] == [1, 2]


def test_a_graph_that_answers_nothing_has_failed_and_the_problem_names_the_instances(there: World) -> None:
    store(there, 1, tar_gz(files(0, fussy_graph())))
    serve(there, 1)
    status, problem = call({"instances": [{"area": 50.0}, {"area": 60.0}]})
    assert (status, problem["type"]) == (502, "urn:relearn:problem:model-failed")
    assert problem["detail"] == "the model answered with status 500; the request was for instances 0 to 1"


def test_what_a_version_has_no_answer_to_is_told_by_the_instance(there: World) -> None:
    store(there, 1, artifact(1e38))
    serve(there, 1)
    told = {"pointer": "/instances/1", "detail": NO_ANSWER}
    body = {"instances": [{"area": 1.0}, {"area": 9999.0}]}
    answer = host.handler({"version": 1, "body": json.dumps(body)}, LambdaContext())
    assert answer == {"unanswerable": [told]}
    status, problem = call(body)
    assert (status, problem["errors"]) == (422, [told])


def test_a_version_is_loaded_once(live: World) -> None:
    assert [direct(1)["body"] for _ in range(3)] == [direct(1)["body"]] * 3
    assert loaded(live) == [1]


def test_those_who_ask_at_once_wait_for_one_loading(live: World) -> None:
    host.model_host()
    together = threading.Barrier(4)

    def ask(_: int) -> dict[str, Any]:
        together.wait()
        return direct(1)

    with ThreadPoolExecutor(4) as pool:
        assert len({answer["body"] for answer in pool.map(ask, range(4))}) == 1
    assert loaded(live) == [1]


def test_three_versions_are_held_and_the_one_asked_longest_ago_goes(there: World) -> None:
    for number in range(1, 5):
        store(there, number, artifact(float(number)))
    assert in_process_models.KEPT == 3
    for number in (1, 2, 3, 1, 4):  # 2 goes
        assert json.loads(direct(number)["body"])["predictions"] == [{"value": 50.0 * number}]
    assert loaded(there) == [1, 2, 3, 4]
    direct(1)
    direct(3)
    direct(4)
    assert loaded(there) == [1, 2, 3, 4]
    direct(2)
    assert loaded(there) == [1, 2, 3, 4, 2]


# what is not loaded


def test_what_is_no_artifact_is_refused_with_version_and_reason(there: World) -> None:
    store(there, 7, b"no archive")
    failed = direct(7)["failed"]
    assert failed.startswith("version 7 of prices cannot be loaded: ")
    assert "cannot be unpacked" in failed


def test_an_archive_that_unpacks_to_too_much_is_refused(there: World) -> None:
    store(there, 7, bomb(in_process_models.LARGEST_UNPACKED + 1))
    assert direct(7)["failed"].endswith(f"bytes; allowed: {in_process_models.LARGEST_UNPACKED}")


def test_an_archive_that_is_too_large_is_refused_without_reading_it_all(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "LARGEST_TAR", 100)
    store(there, 7, artifact(2.0))
    assert direct(7)["failed"].endswith("has more than 100 bytes, the most allowed here")


def test_an_artifact_that_is_not_what_was_judged_is_not_even_unpacked(there: World) -> None:
    digest = hashlib.sha256(b"what was judged").hexdigest()
    store(there, 7, artifact(2.0), digest=digest)
    given = hashlib.sha256(artifact(2.0)).hexdigest()
    assert direct(7)["failed"].endswith(f"has SHA-256 {given}; the ledger says {digest}")


def test_one_that_is_gone_says_so_and_is_found_when_it_is_back(there: World) -> None:
    version = store(there, 7, artifact(2.0))
    key = version.artifact.removeprefix(f"s3://{ARTIFACTS}/")
    there.s3.delete_object(Bucket=ARTIFACTS, Key=key)
    assert direct(7)["failed"].endswith(f"{version.artifact} cannot be read: S3 answers 404")
    there.s3.put_object(Bucket=ARTIFACTS, Key=key, Body=artifact(2.0))
    assert "body" in direct(7)


@pytest.mark.usefixtures("there")
def test_a_version_that_the_ledger_does_not_know_is_none() -> None:
    assert direct(9) == {"failed": "version 9 of prices cannot be loaded: the ledger does not know it"}


# asked by the API


def test_the_api_is_answered_as_predict_answers_it(live: World) -> None:
    status, answer = call()
    assert (status, answer["model"], answer["version"]) == (200, MODEL, 1)
    assert [one["value"] for one in answer["predictions"]] == [100.0, 121.0]
    assert loaded(live) == [1]
    assert "InvokeEndpoint" not in live.sagemaker.calls


def test_the_protocols_other_words_are_answered_too(live: World) -> None:
    del live
    tensor = {"name": "area", "shape": [1], "datatype": "FP64", "data": [50.0]}
    status, answer = call({"inputs": [tensor]}, f"/v2/models/{MODEL}/infer")
    assert (status, answer["model_version"]) == (200, "1")


def test_an_answer_leaves_its_record(live: World) -> None:
    answer = call()[1]
    (body,) = Queue(live).take()
    record = json.loads(body)
    assert (record["model"], record["version"]) == (MODEL, 1)
    rows = [predictions.prediction_id(record["id"], row) for row in range(2)]
    assert rows == [one["id"] for one in answer["predictions"]]


def test_a_repeated_request_is_answered_again_and_not_scored_again(live: World) -> None:
    del live
    assert call(**keyed("k"))[1] == call(**keyed("k"))[1]


def test_a_request_writes_its_line(live: World, capsys: pytest.CaptureFixture[str]) -> None:
    del live
    call()
    (line,) = lines(capsys)
    assert (line["model"], line["version"], line["Requests"]) == (MODEL, "1", 1)


def test_a_version_that_can_not_be_loaded_is_the_models_failure(there: World) -> None:
    store(there, 1, artifact(2.0), digest="0" * 64)
    serve(there, 1)
    status, problem = call()
    assert (status, problem["type"]) == (502, "urn:relearn:problem:model-failed")
    assert problem["detail"].startswith("version 1 of prices cannot be loaded: ")


def test_the_version_is_read_from_the_ledger_once_in_a_process(live: World) -> None:
    for _ in range(3):
        call()
    asked = [request["Key"]["sk"]["S"] for action, request in live.aws.reads if action == "GetItem"]
    assert asked.count("VERSION#1") == 1
