"""A model whose spec names a schedule gets one, and nothing else of the stage changes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from relearn.spec.policies import Retrain
from tests.infra.synthesis import Synthesised, statements, synthesise, text
from training import catalog

SCHEDULE = "AWS::Scheduler::Schedule"


@pytest.fixture(scope="module")
def nightly(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """A stage in which iris is retrained at three in the night, and churn every day."""
    chosen = {"iris": "cron(0 3 * * ? *)", "churn": "rate(1 day)"}
    specs = {
        name: replace(spec, retrain=Retrain(schedule=chosen.get(name)))
        for name, spec in catalog.load().items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "load", lambda: specs)
        return synthesise(tmp_path_factory.mktemp("nightly"), "dev")


def test_only_models_with_a_schedule_get_one(dev: Synthesised, nightly: Synthesised) -> None:
    assert not dev.resources(SCHEDULE)
    found = {schedule["Name"]: schedule["ScheduleExpression"] for schedule in nightly.properties(SCHEDULE)}
    assert found == {
        "relearn-dev-iris-retrain": "cron(0 3 * * ? *)",
        "relearn-dev-churn-retrain": "rate(1 day)",
    }


def test_a_schedule_is_exact_and_in_utc(nightly: Synthesised) -> None:
    for schedule in nightly.properties(SCHEDULE):
        assert schedule["ScheduleExpressionTimezone"] == "UTC"
        assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}


def test_it_calls_the_one_function_with_its_model_and_keeps_what_can_not_be_called(
    nightly: Synthesised,
) -> None:
    targets = [schedule["Target"] for schedule in nightly.properties(SCHEDULE)]
    assert {json.loads(target["Input"])["model"] for target in targets} == {"iris", "churn"}
    for target in targets:
        assert "SchedulesRun" in text(target["Arn"])
        assert "SchedulesRole" in text(target["RoleArn"])
        assert "SchedulesDeadLetters" in text(target["DeadLetterConfig"]["Arn"])
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 8}


def test_the_schedules_role_may_call_that_function_and_bury_what_failed_and_no_more(
    nightly: Synthesised,
) -> None:
    allowed = {
        statement["Action"]: text(statement["Resource"])
        for role, statement in statements(nightly)
        if role.startswith("SchedulesRole")
    }
    assert set(allowed) == {"lambda:InvokeFunction", "sqs:SendMessage"}
    assert allowed["lambda:InvokeFunction"].startswith("<SchedulesRun")
    (role,) = (r for k, r in nightly.resources("AWS::IAM::Role").items() if k.startswith("SchedulesRole"))
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}


def test_a_call_that_fails_again_and_again_is_kept_for_two_weeks(dev: Synthesised) -> None:
    queues = dev.resources("AWS::SQS::Queue", "Training").items()
    ((queue_id, queue),) = ((k, q) for k, q in queues if k.startswith("Schedules"))
    assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 86_400
    arn = {"Fn::GetAtt": [queue_id, "Arn"]}
    assert dev.function("scheduled_run")["DeadLetterConfig"] == {"TargetArn": arn}
