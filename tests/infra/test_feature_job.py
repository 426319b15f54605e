"""The Glue jobs of a stage whose features Spark makes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relearn.spec.model import on_spark
from tests.infra.synthesis import Synthesised, listed, statements, synthesise, text
from tests.infra.test_permissions import actions_on
from tests.infra.test_retrain import normal_way
from training import catalog


@pytest.fixture(scope="module")
def job(spark: Synthesised) -> dict[str, Any]:
    """That of churn."""
    return next(one for one in spark.properties("AWS::Glue::Job") if one["Name"].endswith("-churn"))


@pytest.fixture(scope="module")
def states(spark: Synthesised) -> dict[str, Any]:
    machine = spark.machine("retrain")
    found: dict[str, Any] = json.loads(text(machine["DefinitionString"]))["States"]
    return found


def role_of_machine(stage: Synthesised) -> dict[str, set[str]]:
    machine = stage.machine("retrain")
    return actions_on(stage, machine["RoleArn"])


def test_a_stage_whose_models_need_no_spark_has_nothing_of_it(dev: Synthesised) -> None:
    assert not dev.resources("AWS::Glue::Job")
    assert not [action for _, s in statements(dev) for action in listed(s["Action"]) if "glue:" in action]
    machine = dev.machine("retrain")
    assert "On Spark?" not in json.loads(text(machine["DefinitionString"]))["States"]


def test_the_job_has_a_pinned_version_and_scales_by_itself_within_bounds(job: dict[str, Any]) -> None:
    assert (job["GlueVersion"], job["Command"]["Name"]) == ("5.1", "glueetl")
    assert job["DefaultArguments"]["--enable-auto-scaling"] == "true"
    assert (job["WorkerType"], job["NumberOfWorkers"], job["Timeout"]) == ("G.1X", 2, 60)
    assert job["ExecutionProperty"]["MaxConcurrentRuns"] == 2
    assert job["MaxRetries"] == 0


def test_the_job_brings_its_code_and_pinned_packages(spark: Synthesised, job: dict[str, Any]) -> None:
    arguments = job["DefaultArguments"]
    assert text(arguments["--additional-python-modules"]).endswith(".txt")
    assert arguments["--python-modules-installer-option"] == "-r"
    digest = text(arguments["--code"]).rpartition("/")[2].removesuffix(".zip")
    assert (spark.folder / f"asset.{digest}" / "training" / "features" / "spark_job.py").is_file()
    script = text(job["Command"]["ScriptLocation"]).rpartition("/")[2]
    assert "RELEARN_S3_DIR" in (spark.folder / f"asset.{script}").read_text()


def test_every_model_on_spark_has_a_job_and_a_role_of_its_own(spark: Synthesised) -> None:
    found = {job["Name"]: job["Role"]["Fn::GetAtt"][0] for job in spark.properties("AWS::Glue::Job")}
    asking = [name for name, spec in catalog.load().items() if on_spark(spec, "spark")]
    assert set(found) == {f"relearn-dev-features-{model}" for model in asking}
    assert len(set(found.values())) == len(asking)


def test_a_job_may_read_its_models_snapshots_write_its_features_and_log(spark: Synthesised) -> None:
    for job in spark.properties("AWS::Glue::Job"):
        model = job["Name"].removeprefix("relearn-dev-features-")
        allowed = actions_on(spark, job["Role"])
        assert set(allowed) == {
            "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket",
            "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
        }  # fmt: skip
        written = {
            place.rpartition(">/")[2] for place in allowed["s3:PutObject"] | allowed["s3:DeleteObject"]
        }
        assert written == {f"spark/{model}/*"}
        read = {place.rpartition(">/")[2] for place in allowed["s3:GetObject"] if "Lake" in place}
        assert read == {f"{folder}/{model}/*" for folder in ("datasets", "snapshots", "spark")}
        assert all("/aws-glue/jobs/" in place for place in allowed["logs:PutLogEvents"])


def test_a_job_lists_its_models_folders_and_elsewhere_no_more_than_models_names(spark: Synthesised) -> None:
    for job in spark.properties("AWS::Glue::Job"):
        model = job["Name"].removeprefix("relearn-dev-features-")
        conditions = [
            s["Condition"]
            for owner, s in statements(spark)
            if owner == job["Role"]["Fn::GetAtt"][0] and s["Action"] == "s3:ListBucket"
        ]
        own = [f"{folder}/{model}/*" for folder in ("datasets", "snapshots", "spark")]
        assert conditions == [
            {"StringLike": {"s3:prefix": own}},
            {"StringEquals": {"s3:prefix": "spark/", "s3:delimiter": "/"}},
        ]


def test_the_machine_may_run_the_job_of_its_runs_model_and_no_others(
    spark: Synthesised, states: dict[str, Any]
) -> None:
    allowed = role_of_machine(spark)
    asked = {action: places for action, places in allowed.items() if action.startswith("glue:")}
    assert set(asked) == {
        "glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun",
    }  # fmt: skip
    (place,) = set.union(*asked.values())
    assert place.endswith(":job/relearn-dev-features-*")
    named = states["Features"]["Parameters"]["JobName.$"]
    assert named == "States.Format('relearn-dev-features-{}', $.model)"


def test_features_come_before_training_for_the_models_that_spark_makes_them_for(
    states: dict[str, Any],
) -> None:
    assert states["On Spark?"]["Choices"] == [{"Variable": "$.spark", "IsPresent": True, "Next": "Features"}]
    assert states["On Spark?"]["Default"] == "Train"
    way = normal_way(
        states, "On Spark?", {"On Spark?": "Features", "Features made?": "Train", "Job done?": "Close"}
    )
    assert way[:4] == ["On Spark?", "Features", "Features made?", "Train"]


def test_a_run_asks_for_what_its_model_needs_and_keeps_its_context(states: dict[str, Any]) -> None:
    features = states["Features"]
    assert features["Resource"].endswith(":states:::glue:startJobRun.sync")
    assert features["Parameters"]["NumberOfWorkers.$"] == "$.spark.workers"
    assert features["Parameters"]["Arguments"]["--output.$"] == "$.spark.output"
    assert features["Parameters"]["Arguments"]["--now.$"] == "$.spark.now"
    assert features["ResultPath"] == "$.made"


def test_only_a_run_that_succeeded_leads_to_training_whichever_way_its_end_is_reported(
    states: dict[str, Any],
) -> None:
    assert states["Features"]["ResultSelector"]["state.$"] == "$.JobRunState"
    made = states["Features made?"]
    assert made["Choices"] == [{"Variable": "$.made.state", "StringEquals": "SUCCEEDED", "Next": "Train"}]
    badly = states[made["Default"]]
    assert badly["Parameters"]["Error"] == "States.TaskFailed"
    assert "ended as {}" in badly["Parameters"]["Cause.$"]
    assert (badly["ResultPath"], badly["Next"]) == ("$.error", "Fail")


def test_busy_machines_are_waited_for_and_every_other_failure_is_recorded(states: dict[str, Any]) -> None:
    busy, passing = states["Features"]["Retry"]
    assert "Glue.ConcurrentRunsExceededException" in busy["ErrorEquals"]
    assert busy["IntervalSeconds"] * 2 ** (busy["MaxAttempts"] - 1) > busy["MaxDelaySeconds"]
    assert "Glue.AWSGlueException" in passing["ErrorEquals"]
    assert states["Features"]["Catch"] == [
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Fail"}
    ]


def test_a_run_has_time_for_both_jobs(tmp_path_factory: pytest.TempPathFactory) -> None:
    def seconds(engine: str) -> int:
        folder = tmp_path_factory.mktemp(engine)
        # Alone: the longest run of all models may be one that Spark has no part in.
        machine = synthesise(folder, "dev", ["churn"], features_engine=engine).machine("retrain")
        found: int = json.loads(text(machine["DefinitionString"]))["TimeoutSeconds"]
        return found

    assert seconds("spark") == seconds("duckdb") + 3600


def test_open_is_told_what_the_stage_chose(spark: Synthesised, dev: Synthesised) -> None:
    assert spark.function("open_run")["Environment"]["Variables"]["FEATURES_ENGINE"] == "spark"
    assert "FEATURES_ENGINE" not in dev.function("open_run")["Environment"]["Variables"]
