from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest

from infra.workflow.training_job import THERE_ALREADY
from relearn.lifecycle import run_context
from relearn.lifecycle.run_context import ApprovalQuestion, RunContext
from relearn.spec.policies import Retrain, Training
from tests.infra.synthesis import Synthesised, synthesise, text

LAMBDA_STEPS = {
    "Open": "open_run",
    "Check data": "check_data",
    "Judge": "judge",
    "Register": "register",
    "Decision": "decided",
    "Deploy": "deploy",
    "Smoke": "smoke",
    "Publish": "publish",
    "Advance": "advance",
    "Watch": "watch",
    "Promote": "promote",
    "Retire": "retire",
    "Close": "close_run",
    "Fail": "fail_run",
}
State = dict[str, Any]


@pytest.fixture(scope="module")
def machine(dev: Synthesised) -> dict[str, Any]:
    return dev.machine("retrain")


@pytest.fixture(scope="module")
def definition(machine: dict[str, Any]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(text(machine["DefinitionString"]))
    return parsed


@pytest.fixture(scope="module")
def states(definition: dict[str, Any]) -> dict[str, State]:
    found: dict[str, State] = definition["States"]
    return found


def ways(state: State) -> set[str]:
    """Every state that may follow one."""
    found = {choice["Next"] for choice in state.get("Choices", [])}
    found |= {catch["Next"] for catch in state.get("Catch", [])}
    found |= {state[key] for key in ("Next", "Default") if key in state}
    return found


def normal_way(states: dict[str, State], start: str, answers: dict[str, str]) -> list[str]:
    """The steps of a run in which nothing fails; ``answers`` says where each choice leads."""
    way, name = [], start
    while name:
        way.append(name)
        name = answers.get(name) or states[name].get("Next", "")
    return way


def test_every_step_leads_to_one_that_exists_and_every_one_is_reached(
    states: dict[str, State], definition: dict[str, Any]
) -> None:
    reached, ahead = set(), {definition["StartAt"]}
    while ahead:
        name = ahead.pop()
        reached.add(name)
        ahead |= ways(states[name]) - reached
    assert reached == set(states)


def test_every_state_ends_or_leads_on(states: dict[str, State]) -> None:
    for name, state in states.items():
        assert ways(state) or state["Type"] in {"Succeed", "Fail"}, name


def test_a_better_candidate_goes_all_the_way(states: dict[str, State]) -> None:
    choices = {
        "Anything pending?": "Check data",
        "Data as demanded?": "Train",
        "Job done?": "Take artifact",
        "Better?": "Register",
        "By hand?": "Deploy",
        "In service?": "Smoke",
        "Published?": "Advance",
        "All the way?": "Promote",
    }
    assert normal_way(states, "Debounce", choices) == [
        "Debounce", "Open", "Anything pending?", "Check data", "Data as demanded?", "Train", "Job done?",
        "Take artifact", "Judge", "Better?", "Register", "By hand?", "Deploy", "In service?", "Smoke", "Publish", "Published?", "Advance",
        "All the way?", "Promote", "Retire", "Close", "Done",
    ]  # fmt: skip


@pytest.mark.parametrize("choice", ["Anything pending?", "Data as demanded?", "Better?"])
def test_nothing_pending_wrong_data_and_a_worse_candidate_close_the_run(
    states: dict[str, State], choice: str
) -> None:
    assert states[choice]["Default"] == "Close"


def test_the_verdict_decides(states: dict[str, State]) -> None:
    assert states["Better?"]["Choices"] == [
        {"Variable": "$.judgement.verdict", "StringEquals": "promote", "Next": "Register"}
    ]


def test_only_data_that_is_as_demanded_is_trained_on(states: dict[str, State]) -> None:
    assert states["Data as demanded?"]["Choices"] == [
        {"Variable": "$.data.verdict", "StringEquals": "train", "Next": "Train"}
    ]
    assert [name for name, state in states.items() if "Train" in ways(state)] == ["Data as demanded?"]


def test_a_spec_may_let_a_person_decide_before_anything_is_deployed(states: dict[str, State]) -> None:
    assert states["By hand?"]["Choices"] == [
        {"Variable": "$.registration.approval", "StringEquals": "manual", "Next": "Ask for approval"}
    ]
    choices = {"By hand?": "Ask for approval", "Approved?": "Deploy", "In service?": "Done"}
    assert normal_way(states, "Register", choices)[:6] == [
        "Register", "By hand?", "Ask for approval", "Decision", "Approved?", "Deploy",
    ]  # fmt: skip


def test_what_was_decided_says_how_it_goes_on(states: dict[str, State]) -> None:
    leads = {choice["StringEquals"]: choice["Next"] for choice in states["Approved?"]["Choices"]}
    assert leads == {"approve": "Deploy", "reject": "Close"}
    assert {choice["Variable"] for choice in states["Approved?"]["Choices"]} == {"$.approval.verdict"}
    assert states["Approved?"]["Default"] == "Ask for approval"


def test_a_decision_is_waited_for_by_a_task_token_as_long_as_the_version_says(
    states: dict[str, State],
) -> None:
    ask = states["Ask for approval"]
    assert ask["Resource"] == "arn:<AWS::Partition>:states:::lambda:invoke.waitForTaskToken"
    assert ask["TimeoutSecondsPath"] == "$.registration.wait_seconds"
    assert ask["Parameters"]["Payload"] == {
        "model.$": "$.model",
        "version.$": "$.registration.version",
        "token.$": "$$.Task.Token",
        "entered.$": "$$.State.EnteredTime",
        "retry.$": "$$.State.RetryCount",
    }


def test_a_decision_that_does_not_come_in_time_is_one_too(states: dict[str, State]) -> None:
    late, broken = states["Ask for approval"]["Catch"]
    assert (late["ErrorEquals"], late["Next"]) == (["States.Timeout"], "Decision")
    assert (broken["ErrorEquals"], broken["Next"]) == (["States.ALL"], "Fail")


def test_an_endpoint_that_is_not_ready_is_looked_at_again_later(states: dict[str, State]) -> None:
    assert states["In service?"]["Default"] == "Wait for endpoint"
    wait = states["Wait for endpoint"]
    assert (wait["SecondsPath"], wait["Next"]) == ("$.endpoint.wait_seconds", "Deploy")


def test_features_are_published_until_all_are_there_before_anybody_is_sent_to_them(
    states: dict[str, State],
) -> None:
    assert states["Published?"]["Choices"] == [
        {"Variable": "$.published.status", "StringEquals": "Published", "Next": "Advance"}
    ]
    assert states["Published?"]["Default"] == "Publish"


def test_only_a_candidate_that_has_gone_all_the_way_is_promoted(states: dict[str, State]) -> None:
    assert states["All the way?"]["Choices"] == [
        {"Variable": "$.rollout.phase", "StringEquals": "promote", "Next": "Promote"}
    ]
    assert [name for name, state in states.items() if "Promote" in ways(state)] == ["All the way?"]


def test_a_step_of_a_rollout_lasts_as_long_as_advance_says_and_is_looked_at_then(
    states: dict[str, State],
) -> None:
    wait = states[states["All the way?"]["Default"]]
    assert (wait["Type"], wait["SecondsPath"], wait["Next"]) == ("Wait", "$.rollout.wait_seconds", "Watch")


def test_a_candidate_goes_on_is_looked_at_again_or_loses_its_endpoint(states: dict[str, State]) -> None:
    leads = {choice["StringEquals"]: choice["Next"] for choice in states["As good?"]["Choices"]}
    assert leads == {"pass": "Advance", "breach": "Retire"}
    assert states["As good?"]["Default"] == states["All the way?"]["Default"]


def test_any_failure_is_recorded_and_fails_the_run_with_its_own_reason(states: dict[str, State]) -> None:
    for name, state in states.items():
        if state["Type"] == "Task" and name not in {"Fail", "Retire", "Ask for approval"}:
            assert state["Catch"][-1] == {
                "ErrorEquals": ["States.ALL"],
                "ResultPath": "$.error",
                "Next": "Fail",
            }
            assert len(state["Catch"]) == (2 if name == "Train" else 1)
    assert states["Fail"]["Next"] == "Failed"
    assert states["Failed"] == {
        "Type": "Fail",
        "ErrorPath": "$.error.Error",
        "CausePath": "$.error.Cause",
    }


def test_a_training_job_that_is_there_already_is_looked_at_and_not_failed(states: dict[str, State]) -> None:
    assert states["Train"]["Catch"][0] == {
        "ErrorEquals": [THERE_ALREADY],
        "ResultPath": "$.refused",
        "Next": "Look at job",
    }
    assert states["Look at job"]["Next"] == states["Train"]["Next"] == "Job done?"
    assert states["Look at job"]["ResultPath"] == states["Train"]["ResultPath"] == "$.job"


def test_only_a_completed_job_is_judged_whichever_way_its_end_is_reported(states: dict[str, State]) -> None:
    # SageMaker's waiter TrainingJobCompletedOrStopped counts Stopped as success, and StopTrainingJob leaves artifacts
    done = states["Job done?"]
    leads = {choice["StringEquals"]: choice["Next"] for choice in done["Choices"]}
    assert leads == {"Completed": "Take artifact", "Failed": "Job ended badly", "Stopped": "Job ended badly"}
    assert {choice["Variable"] for choice in done["Choices"]} == {"$.job.TrainingJobStatus"}
    assert done["Default"] == "Wait for job"
    assert [name for name, state in states.items() if "Judge" in ways(state)] == ["Take artifact"]
    assert states["Job ended badly"]["Next"] == "Fail"


def test_the_artifact_of_a_completed_job_is_judged(states: dict[str, State]) -> None:
    take = states["Take artifact"]
    assert take["Parameters"] == {"artifact.$": "$.job.ModelArtifacts.S3ModelArtifacts"}
    assert (take["ResultPath"], take["Next"]) == ("$.training", "Judge")


def test_a_failure_that_can_not_be_recorded_fails_the_run_all_the_same(states: dict[str, State]) -> None:
    (catch,) = states["Fail"]["Catch"]
    assert catch["Next"] == "Failed"
    assert catch["ResultPath"] != "$.error"


def test_an_old_endpoint_that_stays_does_not_fail_the_run(states: dict[str, State]) -> None:
    (catch,) = states["Retire"]["Catch"]
    assert catch["Next"] == "Close"


@pytest.mark.parametrize(("name", "handler"), sorted(LAMBDA_STEPS.items()))
def test_a_step_gives_its_function_the_whole_state(
    dev: Synthesised, states: dict[str, State], name: str, handler: str
) -> None:
    state = states[name]
    functions = dev.resources("AWS::Lambda::Function", "Training")
    (logical_id,) = (
        k for k, f in functions.items() if f["Properties"]["Handler"] == f"lambdas.handlers.{handler}.handler"
    )
    assert state["Resource"] == f"<{logical_id}.Arn>"
    assert not {"Parameters", "InputPath", "OutputPath", "Arguments", "Assign"} & set(state)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("Check data", "$.data"),
        ("Judge", "$.judgement"),
        ("Register", "$.registration"),
        ("Ask for approval", None),
        ("Decision", "$.approval"),
        ("Deploy", "$.endpoint"),
        ("Publish", "$.published"),
        ("Advance", "$.rollout"),
        ("Watch", "$.watched"),
        ("Close", None),
        ("Fail", None),
    ],
)
def test_an_answer_goes_to_its_own_place(states: dict[str, State], name: str, place: str | None) -> None:
    assert states[name]["ResultPath"] == place


def test_what_open_returns_is_the_state_from_then_on(states: dict[str, State]) -> None:
    assert states["Open"].get("ResultPath", "$") == "$"


def test_lambda_service_errors_are_tried_again(states: dict[str, State]) -> None:
    for name in LAMBDA_STEPS:
        retry = states[name]["Retry"][0]
        assert {"Lambda.ServiceException", "Lambda.TooManyRequestsException"} <= set(retry["ErrorEquals"])
        # what a function that ran out of its time or memory is reported as: errorType of its answer
        assert {"Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown"} <= set(retry["ErrorEquals"])


@pytest.mark.parametrize(
    "name",
    [
        "Open",
        "Judge",
        "Register",
        "Ask for approval",
        "Decision",
        "Deploy",
        "Publish",
        "Advance",
        "Watch",
        "Promote",
    ],
)
def test_a_lost_conditional_write_is_tried_again(states: dict[str, State], name: str) -> None:
    assert [r["MaxAttempts"] for r in states[name]["Retry"] if r["ErrorEquals"] == ["ConflictError"]] == [2]


def test_a_cold_endpoint_gets_more_than_one_smoke_test(states: dict[str, State]) -> None:
    last = states["Smoke"]["Retry"][-1]
    assert (last["ErrorEquals"], last["MaxAttempts"]) == (["States.ALL"], 3)


def test_the_training_job_is_isolated_tagged_and_described_by_open(
    states: dict[str, State], dev: Synthesised
) -> None:
    train = states["Train"]
    job = train["Parameters"]
    assert train["Resource"] == "arn:<AWS::Partition>:states:::sagemaker:createTrainingJob.sync"
    assert job["EnableNetworkIsolation"] is True
    assert {tag["Key"]: tag.get("Value") or tag["Value.$"] for tag in job["Tags"]} == {
        "relearn:stage": "dev",
        "relearn:model": "$.model",
        "relearn:run": "$.run_id",
    }
    assert {key: job[key] for key in job if key.endswith(".$")} == {
        "TrainingJobName.$": "$.job_name",
        "RoleArn.$": "States.Format('arn:<AWS::Partition>:iam::<AWS::AccountId>:role/relearn-dev-job-<AWS::Region>-{}', $.model)",
        "HyperParameters.$": "$.hyperparameters",
        "InputDataConfig.$": "$.input_data_config",
        "ResourceConfig.$": "$.resource_config",
        "StoppingCondition.$": "$.stopping_condition",
    }
    image = job["AlgorithmSpecification"]["TrainingImage"]
    assert image == text(dev.function("register")["Environment"]["Variables"]["TRAINING_IMAGE"])


def test_a_busy_account_is_waited_for_at_the_training_job(states: dict[str, State]) -> None:
    busy, other = states["Train"]["Retry"]
    assert busy["ErrorEquals"] == ["SageMaker.ResourceLimitExceededException"]
    assert busy["MaxDelaySeconds"] == 900
    assert other["ErrorEquals"] == ["SageMaker.AmazonSageMakerException"]


def test_a_full_account_is_waited_for_before_a_run_gives_its_endpoint_up(
    states: dict[str, State], dev: Synthesised
) -> None:
    restore = json.loads(text(dev.machine("restore")["DefinitionString"]))["States"]
    for deploy in (states["Deploy"], restore["Deploy"]):
        (full,) = [retry for retry in deploy["Retry"] if retry["ErrorEquals"] == ["QuotaExceededError"]]
        assert (full["IntervalSeconds"], full["BackoffRate"], full["MaxDelaySeconds"]) == (60, 2, 900)


def test_a_run_has_time_for_every_wait(definition: dict[str, Any], states: dict[str, State]) -> None:
    waits = [
        min(retry["IntervalSeconds"] * retry["BackoffRate"] ** number, retry["MaxDelaySeconds"])
        for state in states.values()
        for retry in state.get("Retry", [])
        if "MaxDelaySeconds" in retry
        for number in range(retry["MaxAttempts"])
    ]
    assert 60 + 3600 + sum(waits) < definition["TimeoutSeconds"]


@pytest.fixture(scope="module")
def longest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The definition where the one model waits for a person and for its training as long as a spec may say."""
    policies = {
        "retrain": Retrain(approval="manual", approval_hours=700),
        "training": Training(max_runtime_seconds=432_000),
    }
    found = synthesise(tmp_path_factory.mktemp("longest"), "dev", ["iris"], specs={"iris": policies})
    parsed: dict[str, Any] = json.loads(text(found.machine("retrain")["DefinitionString"]))
    return parsed


def test_a_run_has_time_for_a_person_to_decide(longest: dict[str, Any], definition: dict[str, Any]) -> None:
    # Without it a run of all models has less time than of one that waits for a person.
    assert longest["TimeoutSeconds"] > 700 * 3600 + 60 + 432_000
    assert definition["TimeoutSeconds"] < 700 * 3600


def test_a_run_has_time_for_a_person_to_decide_on_data_that_contradict_each_other(
    definition: dict[str, Any],
) -> None:
    assert definition["TimeoutSeconds"] > 72 * 3600 + 3600


def test_the_debounce_window_is_the_runs_own(states: dict[str, State]) -> None:
    assert states["Debounce"]["SecondsPath"] == "$.debounce_seconds"


def test_a_run_has_a_time_limit_beyond_its_longest_training_and_rollout(definition: dict[str, Any]) -> None:
    steps_of_iris = 2 * 5 * 60
    assert definition["TimeoutSeconds"] >= 60 + 3600 + 3600 + steps_of_iris


def test_the_machine_is_named_logged_and_traced(machine: dict[str, Any], dev: Synthesised) -> None:
    assert machine["StateMachineName"] == "relearn-dev-retrain"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    names = [g.get("LogGroupName") for g in dev.properties("AWS::Logs::LogGroup", "Training")]
    assert "/aws/vendedlogs/states/relearn-dev-retrain" in names


def test_every_function_that_starts_runs_names_the_machine_without_depending_on_it(dev: Synthesised) -> None:
    for name in ("ingest", "close_run", "fail_run", "sweep", "lifecycle"):
        arn = dev.function(name)["Environment"]["Variables"]["STATE_MACHINE_ARN"]
        assert (
            text(arn)
            == "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:relearn-dev-retrain"
        )


def paths(node: Any) -> Iterator[str]:
    """Every path into the context that a state names; those of a ResultSelector are into what a service answered."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key != "ResultSelector":
                yield from paths(value)
    elif isinstance(node, list):
        for value in node:
            yield from paths(value)
    elif isinstance(node, str):
        yield from re.findall(r"(?<!\$)\$\.[\w.]+", node)


@pytest.mark.parametrize("name", ["retrain", "restore"])
def test_every_path_of_a_definition_is_of_the_context(dev: Synthesised, name: str) -> None:
    states = json.loads(text(dev.machine(name)["DefinitionString"]))["States"]
    found = set(paths(states))
    assert "$.registration.version" in found or name == "restore"
    for path in found:
        assert run_context.path(*path.removeprefix("$.").split(".")) == path


def test_what_a_state_makes_by_itself_has_the_keys_of_the_context(states: dict[str, State]) -> None:
    hints = get_type_hints(RunContext)
    made = [
        (state["ResultPath"].removeprefix("$."), {key.removesuffix(".$") for key in keys})
        for state in states.values()
        if (keys := state.get("ResultSelector") or (state["Type"] == "Pass" and state["Parameters"]))
    ]
    assert {key for key, _ in made} >= {"training", "error"}
    assert made == [(key, set(get_type_hints(hints[key]))) for key, _ in made]
    asked = states["Ask for approval"]["Parameters"]["Payload"]
    assert {key.removesuffix(".$") for key in asked} == set(get_type_hints(ApprovalQuestion))


def test_no_log_holds_the_token_of_a_waiting_step(dev: Synthesised) -> None:
    # LoggingConfiguration of CreateStateMachine: with includeExecutionData, the input of each state goes to the log
    machines = dev.properties("AWS::StepFunctions::StateMachine")
    assert len(machines) == 2
    for machine in machines:
        logging = machine["LoggingConfiguration"]
        assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False)


def test_no_wait_for_a_training_job_outgrows_the_history_of_an_execution(longest: dict[str, Any]) -> None:
    # "Service quotas" in the Step Functions Developer Guide: 25,000 events; a look is a task (5 events), a choice and a
    # wait (2 each)
    looks = 432_000 / longest["States"]["Wait for job"]["Seconds"]
    assert 9 * looks < 5_000
