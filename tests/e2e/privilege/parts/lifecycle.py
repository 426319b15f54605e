"""The custom resource's function: gives a new stage its seeds, takes a stage down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.ledger import Book
from tests.e2e.privilege.machine import Machine
from tests.e2e.privilege.parts import batches
from tests.e2e.privilege.parts.steps import STAND_IN
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Broken, Part
from tests.support.wire import receiving

SEED = "incoming/diabetes/seed.csv"


@contextmanager
def _under_way(machine: Machine) -> Iterator[None]:
    """Let an execution go on for as long as this lasts, unless someone stops it."""
    machine.take_long()
    execution = machine.client.start_execution(stateMachineArn=machine.arn)["executionArn"]
    try:
        yield
    finally:
        machine.client.stop_execution(executionArn=execution)
        machine.stand_still()


def _stopped(machine: Machine, name: str, delete: Callable[[], object]) -> Callable[[], None]:
    def scene() -> None:
        with _under_way(machine):
            delete()

    scene.__qualname__ = name
    return scene


def _locked(book: Book) -> Book:
    run = {**book.of(MODEL, "RUN#")[0], "state": "TRAINING"}
    lock = {"pk": run["pk"], "sk": "LOCK", "run_id": run["run_id"], "taken_at": run["started_at"]}
    return book.add(run).add(lock)


def _removed_by_a_person(bench: Bench, rest: Book) -> Callable[[], None]:
    def a_model_is_removed_because_a_person_asks() -> None:
        version = int(rest.of(MODEL, "VERSION#")[0]["version"])
        bench.online.know(MODEL, version)
        bench.ledger.write(rest)
        asked = {"model": MODEL, "who": "a person", "only_tell": False}
        told = bench.invoke("lifecycle", {"remove_model": asked})
        if "refused" in told:
            raise Broken(f"{MODEL} is not removed: {told['refused']}")
        bench.online.expect(MODEL, version, known=False)

    return a_model_is_removed_because_a_person_asks


def lifecycle(bench: Bench, moments: Moments) -> Part:
    rest = moments["Rest"].book
    name = bench.name(f"{MODEL}-v{STAND_IN}")
    sagemaker = bench.hosting.client
    bench.hosting.remove(*(found["EndpointName"] for found in sagemaker.list_endpoints()["Endpoints"]))

    def request(kind: str, book: Book) -> Any:
        bench.ledger.write(book)
        with receiving() as (url, answers):
            event = {"RequestType": kind, "ResponseURL": url, "LogicalResourceId": "x", "StackId": "x"}
            bench.invoke("lifecycle", {**event, "RequestId": "x", "ResourceProperties": {}})
        if [answer["Status"] for answer in answers] != ["SUCCESS"]:
            raise Broken(f"CloudFormation hears {answers}")
        return answers[0]["Data"]

    def a_model_without_data_gets_its_seed() -> None:
        bench.stage.client("s3").delete_object(Bucket=bench.stage.outputs["UploadsBucket"], Key=SEED)
        if request("Create", rest.drop("diabetes"))["Seeded"] != "diabetes":
            raise Broken("no seed for diabetes")

    def a_model_with_data_is_trained_anew() -> None:
        request("Create", rest.drop("diabetes", "ROUTE"))

    def what_runs_left_is_removed() -> None:
        bench.hosting.stand_in(name, endpoint=False)
        bench.online.know(MODEL, STAND_IN)
        bench.hosting.nothing_of(bench.name(MODEL))
        request("Delete", rest)
        bench.online.expect(MODEL, STAND_IN, known=False)

    def an_endpoint_is_removed() -> None:
        bench.hosting.stand_in(name, endpoint=True)
        request("Delete", rest)

    def a_file_being_scored_is_given_up() -> None:
        bench.hosting.remove(name)
        job = batches.never_answered(bench, name, rest.of(MODEL, "VERSION#")[0]["artifact"])
        try:
            request("Delete", rest)
            batches.expect_stopped(bench, job)
        finally:
            batches.stop(bench, job)

    scenes = [
        a_file_being_scored_is_given_up,
        what_runs_left_is_removed,
        a_model_without_data_gets_its_seed,
        a_model_with_data_is_trained_anew,
        _stopped(bench.machine, "a_run_under_way_is_stopped", lambda: request("Delete", _locked(rest))),
        _stopped(bench.restores, "a_version_that_comes_back_is_stopped", lambda: request("Delete", rest)),
        an_endpoint_is_removed,
        _removed_by_a_person(bench, rest),
    ]
    return Part(bench.of_function("lifecycle"), scenes)


PARTS = {"lifecycle": lifecycle}
