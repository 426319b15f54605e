from __future__ import annotations

from typing import Any

import pytest

from bench import costs
from relearn.spec.hosting import InLambda
from tests.infra.synthesis import Synthesised, text
from training import catalog

HOSTED = [name for name, spec in catalog.load().items() if isinstance(spec.hosting, InLambda)]
WATCHED = {
    "ApiErrors": "5xx",
    "ApprovalEventErrors": "Errors",
    "BatchDeadLetters": "ApproximateNumberOfMessagesVisible",
    "BatchEventErrors": "Errors",
    "BatchesErrors": "Errors",
    "BatchesThrottles": "Throttles",
    "CloseRunErrors": "Errors",
    "CountsLost": "CountsLost",
    "DeadLetters": "ApproximateNumberOfMessagesVisible",
    "FailRunErrors": "Errors",
    "FeedbackErrors": "Errors",
    "FeedbackThrottles": "Throttles",
    "IngestErrors": "Errors",
    "ModelsErrors": "Errors",
    "ModelsThrottles": "Throttles",
    "PredictErrors": "Errors",
    "PredictThrottles": "Throttles",
    "RecordDeadLetters": "ApproximateNumberOfMessagesVisible",
    "RecordErrors": "Errors",
    "RecordsLost": "RecordsLost",
    "OperateErrors": "Errors",
    "OperateThrottles": "Throttles",
    "RestoreErrors": "Errors",
    "RestoresFailed": "ExecutionsFailed",
    "RunsFailed": "ExecutionsFailed",
    "RunsTimedOut": "ExecutionsTimedOut",
    "ScheduleDeadLetters": "ApproximateNumberOfMessagesVisible",
    "ScheduledRunErrors": "Errors",
    "SweepErrors": "Errors",
    "TrialDeadLetters": "ApproximateNumberOfMessagesVisible",
    "TrialErrors": "Errors",
    "UploadsErrors": "Errors",
    "UploadsThrottles": "Throttles",
    **{f"Host{model}{metric}": metric for model in HOSTED for metric in ("Errors", "Throttles")},
}


@pytest.mark.parametrize(("name", "metric"), sorted(WATCHED.items()))
def test_an_alarm_watches(dev: Synthesised, name: str, metric: str) -> None:
    (alarm,) = (
        a["Properties"] for k, a in dev.resources("AWS::CloudWatch::Alarm").items() if k.startswith(name)
    )
    assert alarm["MetricName"] == metric


def guards(dev: Synthesised) -> list[dict[str, Any]]:
    return [a for a in dev.properties("AWS::CloudWatch::Alarm") if a["MetricName"] == "ServerErrors"]


def test_every_model_has_an_alarm_that_its_rollouts_heed(dev: Synthesised) -> None:
    assert {alarm["AlarmName"] for alarm in guards(dev)} == {
        f"relearn-dev-guard-{model}-server-errors" for model in catalog.load()
    }


def test_every_alarm_tells_the_topic_and_is_quiet_without_data(dev: Synthesised) -> None:
    alarms = dev.properties("AWS::CloudWatch::Alarm")
    assert len(alarms) == len(WATCHED) + len(guards(dev))
    for alarm in alarms:
        (action,) = alarm["AlarmActions"]
        assert "Notifications" in text(action)
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmDescription"]


@pytest.mark.parametrize("metric", ["RecordsLost", "CountsLost"])
def test_one_lost_record_or_count_anywhere_in_the_stage_is_told(dev: Synthesised, metric: str) -> None:
    (alarm,) = (a for a in dev.properties("AWS::CloudWatch::Alarm") if a["MetricName"] == metric)
    assert (alarm["Namespace"], alarm["Statistic"], alarm["Threshold"]) == ("Relearn", "Sum", 1)
    assert alarm["Dimensions"] == [{"Name": "stage", "Value": "dev"}]


def test_somebody_is_told_when_the_stage_names_them(dev: Synthesised, everything: Synthesised) -> None:
    assert not dev.resources("AWS::SNS::Subscription")
    (subscription,) = everything.properties("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")


def test_there_is_one_dashboard(dev: Synthesised) -> None:
    (dashboard,) = dev.properties("AWS::CloudWatch::Dashboard")
    assert dashboard["DashboardName"] == "relearn-dev-loop"


def test_the_dashboard_shows_at_most_a_hundred_alarms_and_each_models_failures(dev: Synthesised) -> None:
    """AlarmStatusWidget: "Maximum number of alarms: 100" (CloudWatch API Reference, dashboard body)."""
    (dashboard,) = dev.properties("AWS::CloudWatch::Dashboard")
    body = text(dashboard["DashboardBody"])
    of_models = [alarm["AlarmName"] for alarm in guards(dev)]
    assert body.count(".Arn>") + body.count(":alarm:") <= 100
    assert [name for name in of_models if name in body] == []
    assert "SEARCH(" in body


@pytest.mark.parametrize("model", sorted(catalog.load()))
def test_no_stack_exports_anything_of_a_model(dev: Synthesised, model: str) -> None:
    """CloudFormation drops no export that is in use: a model whose export another stack imports could not be removed."""
    exports = {
        output["Export"]["Name"].lower()
        for template in dev.templates.values()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }
    assert exports
    assert [name for name in exports if model.replace("-", "") in name] == []


def test_a_model_adds_as_many_alarms_as_the_page_of_costs_says(dev: Synthesised) -> None:
    alarms = len(dev.properties("AWS::CloudWatch::Alarm"))
    of_the_stage = [name for name in WATCHED if not name.startswith("Host")]
    of_models = costs.ALARMS * len(catalog.load()) + costs.HOST_ALARMS * len(HOSTED)
    assert alarms - len(of_the_stage) == of_models
