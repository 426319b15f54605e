"""A whole stage in simulated time: our real handlers, moto, and strict fakes where moto is lenient."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.moto_api._internal import mock_random

from lambdas import forget_all
from lambdas.aws import clients
from relearn.lifecycle import turns
from relearn.naming import resources
from relearn.records import predictions
from tests.chaos import patches
from tests.chaos.calls import Calls
from tests.chaos.checks import Checks
from tests.chaos.executions import ENDED_BADLY, Executions, status_change
from tests.chaos.faults import Faults
from tests.chaos.history import History, Told
from tests.chaos.models import SPECS
from tests.chaos.queues import Queue, Queues
from tests.chaos.sagemaker import TimedSageMaker
from tests.chaos.serving import answer
from tests.chaos.training import Training
from tests.chaos.wires import Wires
from tests.chaos.workers import Workers
from tests.support.agenda import Agenda, Clock
from tests.support.asl import Execution, Machine
from tests.support.definitions import definitions
from tests.support.dynamo import Dynamo
from tests.support.fake_lambda import FakeLambda
from tests.support.fake_sagemaker import REGION, Answer
from tests.support.fake_scaling import FakeScaling
from tests.support.quick_aws import quicken
from tests.support.stage import environment
from tests.support.wire import KEYS
from tests.support.world import (
    ARTIFACTS,
    LAKE,
    MACHINE,
    ONLINE,
    RESTORE_MACHINE,
    STAGE,
    TABLE,
    UPLOADS,
    World,
)

MESSAGE_BYTES, SUBJECT_LENGTH = 256 * 1024, 100
"""SNS's limits of a message, in bytes, and of a subject, in characters."""
ANSWER_SECONDS = 30
"""Time after which people react to a request for approval."""
SESSION = boto3.Session("chaos", "chaos", region_name=REGION)
"""One session for all runs, because loading the service models takes most of a run's time."""


@dataclass
class Stage:
    """A stage with all its parts."""

    clock: Clock
    agenda: Agenda
    history: History
    faults: Faults
    calls: Calls
    sagemaker: TimedSageMaker
    training: Training
    executions: Executions
    queues: Queues
    workers: Workers
    wires: Wires
    checks: Checks
    world: World
    asked: Callable[[], object] = lambda: None
    """Called when people are asked for a decision."""

    def ended(self, machine: str, execution: Execution) -> None:
        """Do what AWS does when an execution has ended: alarm and status event."""
        self.history.note(
            f"execution {execution.name} {execution.status} {execution.error} {execution.cause[:200]}"
        )
        if execution.status not in ENDED_BADLY:
            return
        name = "RunsFailed" if machine == MACHINE else "RestoresFailed"
        self.history.alarms[name] += 1
        if machine == MACHINE and not self.faults.strikes("status_event_lost"):
            self.agenda.after(
                1, "event", lambda: self.workers.later("sweep", status_change(machine, execution))
            )

    def registered(self, arn: str) -> None:
        """Send EventBridge's event for a changed model package."""
        package = self.sagemaker.packages[arn]
        group, number = arn.rsplit("/", 2)[1:]
        detail = {
            "ModelPackageGroupName": group,
            "ModelPackageVersion": int(number),
            "ModelApprovalStatus": package.get("ModelApprovalStatus", ""),
        }
        event = {"detail-type": "SageMaker Model Package State Change", "detail": detail}
        self.agenda.after(1, "event", lambda: self.workers.later("approval_event", event))

    def people(self, params: dict[str, Any], **_: Any) -> tuple[Answer, dict[str, Any]]:
        """Receive a notification for people, as SNS."""
        form = params["body"]
        if len(form["Message"].encode()) > MESSAGE_BYTES or len(form["Subject"]) > SUBJECT_LENGTH:
            error = {"Code": "InvalidParameter", "Message": "Invalid parameter: too long"}
            return Answer(400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}
        if self.faults.strikes("notification_lost"):
            error = {"Code": "InternalError", "Message": "Internal Error"}
            return Answer(500), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 500}}
        kind = next(form[key] for key in form if form[key] in KINDS)
        model = next(
            name for name in SPECS if f"({STAGE})" in form["Message"] and form["Message"].startswith(name)
        )
        self.history.told.append(Told(self.clock.now, kind, model, form["Message"]))
        if kind == "waiting":
            self.agenda.after(ANSWER_SECONDS, "person", self.asked)
        return Answer(200), {"MessageId": "told", "ResponseMetadata": {"HTTPStatusCode": 200}}


KINDS = ("quarantined", "failed", "rejected", "rolled_back", "promoted", "changed", "waiting", "replaced")


@contextmanager
def stage(seed: int = 0) -> Iterator[Stage]:
    """Open a stage without data."""
    with ExitStack() as leaving, pytest.MonkeyPatch.context() as monkeypatch, mock_aws():
        logging.disable(logging.CRITICAL)
        leaving.callback(logging.disable, logging.NOTSET)
        mock_random.seed(seed)
        forget_all()
        for name, value in _environment().items():
            monkeypatch.setenv(name, value)
        quicken(monkeypatch)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", SESSION)
        made = _parts(leaving)
        patches.apply(monkeypatch, made.clock, made.history, made.wires, made.checks)
        _stores()
        _plan(made)
        yield made


def _parts(leaving: ExitStack) -> Stage:
    clock, faults = Clock(), Faults()
    agenda, history = Agenda(clock), History(clock)
    calls, executions, queues = Calls(history, faults), Executions(), Queues(agenda, history)
    dynamo = Dynamo(TABLE, ONLINE)
    sagemaker = TimedSageMaker(answer, clock=clock, faults=faults, now=clock)
    scaling = FakeScaling(sagemaker)
    functions = FakeLambda({resources.function(STAGE, "batch_event")})
    for part in (calls, dynamo, executions, queues, sagemaker, scaling, functions):
        leaving.callback(part.attach(SESSION))
    world = World(sagemaker, scaling, functions, clock)
    sagemaker.s3 = world.s3
    training = Training(agenda, faults, world.s3, SPECS)
    workers = Workers(
        agenda=agenda, history=history, faults=faults, calls=calls, training=training, executions=executions
    )
    wires = Wires(world.aws, faults, history, lambda: calls.worker)
    checks = Checks(agenda, calls, definitions()["settings"]["ingest_timeout_seconds"])
    made = Stage(
        clock=clock,
        agenda=agenda,
        history=history,
        faults=faults,
        calls=calls,
        sagemaker=sagemaker,
        training=training,
        executions=executions,
        queues=queues,
        workers=workers,
        wires=wires,
        checks=checks,
        world=world,
    )
    sagemaker.changed = made.registered
    calls.standins = {
        "application-auto-scaling": scaling.refuse_unknown,
        "dynamodb": dynamo.answer,
        "sagemaker": sagemaker._control,
        "sfn": executions.answer,
        "sns": made.people,
        "sqs": queues.answer,
    }
    hook: Any = made.people
    SESSION.events.register("before-call.sns", hook)
    leaving.callback(SESSION.events.unregister, "before-call.sns", hook)
    return made


def _plan(made: Stage) -> None:
    """Set up the state machines, queues and the schedule of the sweep."""
    machines = {MACHINE: "retrain", RESTORE_MACHINE: "restore"}
    for arn, name in machines.items():

        def ended(execution: Execution, arn: str = arn) -> None:
            made.ended(arn, execution)

        definition = definitions()[name]
        made.executions.machines[arn] = Machine(definition, made.workers, made.agenda, ended)
    told, settings = definitions()["queues"], definitions()["settings"]
    window = settings["record_window_seconds"]
    seconds = {
        "ingest": settings["ingest_timeout_seconds"] + 30,
        "record": 6 * predictions.WRITER_SECONDS + window,
        "trial": told["trial"]["seconds"],
    }
    works = {"ingest": settings["ingest_timeout_seconds"]}
    for function, hidden in seconds.items():

        def read(event: dict[str, Any], function: str = function) -> Any:
            return made.workers.call(function, event, seconds=works.get(function, 300))

        waits, places = window if function == "record" else 1.0, turns.AT_ONCE if function == "ingest" else 0
        tries, batch = told[function]["tries"], told[function]["batch"]
        made.queues.queues[function] = Queue(function, hidden, tries, batch, waits, read, places)
    sweep = {"detail-type": "Scheduled Event"}
    made.agenda.every(60 * settings["sweep_minutes"], "sweep", lambda: made.workers.later("sweep", sweep))


def _environment() -> dict[str, str]:
    url = f"https://sqs.{REGION}.amazonaws.com/123456789012/"
    queues = environment(ingest=f"{url}ingest", records=f"{url}record", trials=f"{url}trial")
    return {**KEYS, "AWS_REGION": REGION, **queues}


def _stores() -> None:
    """Create the buckets."""
    s3 = clients.s3()
    for bucket in (UPLOADS, LAKE, ARTIFACTS):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
