"""Alarms, which notify the stage's topic, and one dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.base.functions import Function
from infra.base.settings import Settings
from infra.base.stack import StageStack
from infra.stacks.serving import ServingStack
from infra.stacks.training import TrainingStack
from relearn.naming import resources

PERIOD = Duration.minutes(5)
"""Period of the alarms' metrics."""
REFUSED = "Requests to the {} function are refused: too many run at once"
GUARD_ERRORS = 5
"""Failed requests of a model within a minute that raise its guard alarm; a single one may be chance."""


class MonitoringStack(StageStack):
    """Alarms and dashboard of a stage.

    Parameters
    ----------
    topic
        Topic that alarms notify.
    models
        Names of all models.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        topic: sns.ITopic,
        models: Iterable[str],
        training: TrainingStack,
        serving: ServingStack,
    ) -> None:
        super().__init__(scope, construct_id, settings=settings, part="monitoring", about="alarms, dashboard")
        self._topic = topic
        answering = {
            "Predict": serving.predict,
            "Feedback": serving.feedback,
            "Models": serving.models,
            "Batches": serving.batches.api,
            "Uploads": serving.uploads,
            "Operate": serving.operate,
        }
        hosts = {f"Host-{model}": function for model, function in serving.hosts.items()}
        working = {
            "Ingest": training.ingest.function,
            "CloseRun": training.functions.close_run,
            "FailRun": training.functions.fail_run,
            "Restore": training.functions.restore,
            "Sweep": training.sweep.function,
            "ScheduledRun": training.schedules.function,
            "ApprovalEvent": training.approvals.function,
            "BatchEvent": serving.batches.events,
            "Record": serving.records.function,
            "Trial": serving.trials.function,
            **answering,
        }
        alarms = [
            self._alarm(
                "DeadLetters",
                training.ingest.dead_letters.metric_approximate_number_of_messages_visible(period=PERIOD),
                "An upload could not be read after several tries; its event is in the dead-letter queue",
            ),
            self._alarm(
                "ScheduleDeadLetters",
                training.schedules.dead_letters.metric_approximate_number_of_messages_visible(period=PERIOD),
                "It was time for a run, and none could be started after several tries; see the dead-letter queue",
            ),
            self._alarm(
                "BatchDeadLetters",
                serving.batches.dead_letters.metric_approximate_number_of_messages_visible(period=PERIOD),
                "An event of a batch could not be handled after several tries; it is in the dead-letter queue",
            ),
            self._alarm(
                "RecordDeadLetters",
                serving.records.dead_letters.metric_approximate_number_of_messages_visible(period=PERIOD),
                "A prediction's record could not be written after several tries; it is in the dead-letter queue",
            ),
            self._alarm(
                "TrialDeadLetters",
                serving.trials.dead_letters.metric_approximate_number_of_messages_visible(period=PERIOD),
                "What a shadowed candidate did could not be counted after several tries; see the dead-letter queue",
            ),
            self._alarm(
                "RecordsLost",
                _lost("RecordsLost", settings),
                "A prediction was answered, and its record could not be sent: it is in the lake without the index, "
                "or nowhere",
            ),
            self._alarm(
                "CountsLost",
                _lost("CountsLost", settings),
                "A prediction was answered while a candidate is tried, and what a version did could not be counted: "
                "the candidate is judged on less than it did",
            ),
            self._alarm(
                "RunsFailed",
                training.retrain.metric_failed(period=PERIOD),
                "A retrain run failed; the champion serves on",
            ),
            self._alarm(
                "RunsTimedOut",
                training.retrain.metric_timed_out(period=PERIOD),
                "A retrain run took too long",
            ),
            self._alarm(
                "RestoresFailed",
                training.restores.metric_failed(period=PERIOD),
                "A version could not be deployed again; the champion serves on",
            ),
            self._alarm(
                "ApiErrors", serving.api.api.metric_server_error(period=PERIOD), "The API answers 5xx"
            ),
            *self._of_functions("Errors", working, "The {} function fails"),
            *self._of_functions("Throttles", answering, REFUSED),
        ]
        # Those that come with each model are not on the dashboard, which shows at most 100 alarms.
        self._of_functions("Errors", hosts, "The {} function fails")
        self._of_functions("Throttles", hosts, REFUSED)
        for model in models:
            self._guard(settings.stage, model)
        self._dashboard(settings=settings, training=training, serving=serving, alarms=alarms)

    def _of_functions(
        self, metric: str, functions: Mapping[str, Function], description: str
    ) -> list[cloudwatch.Alarm]:
        return [
            self._alarm(f"{name}{metric}", _of_function(metric, function), description.format(name.lower()))
            for name, function in functions.items()
        ]

    def _guard(self, stage: str, model: str) -> cloudwatch.Alarm:
        """Create the alarm that ends every rollout of a model.

        Alarms of users with the same name prefix do so too.
        """
        metric = cloudwatch.Metric(
            namespace="Relearn",
            metric_name="ServerErrors",
            dimensions_map={"stage": stage, "model": model},
            statistic="Sum",
            period=Duration.minutes(1),
        )
        return self._alarm(
            f"{model.title().replace('-', '')}Guard",
            metric,
            f"Callers of {model} get 5xx: a candidate that is tried meanwhile is withdrawn",
            threshold=GUARD_ERRORS,
            alarm_name=f"{resources.guard(stage, model)}server-errors",
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        description: str,
        *,
        threshold: int = 1,
        alarm_name: str | None = None,
    ) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            alarm_name=alarm_name,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        return alarm

    def _dashboard(
        self,
        *,
        settings: Settings,
        training: TrainingStack,
        serving: ServingStack,
        alarms: list[cloudwatch.Alarm],
    ) -> None:
        api, retrain, queue = serving.api.api, training.retrain, training.ingest.queue
        dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=resources.stack(settings.stage, "loop")
        )
        dashboard.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=alarms, width=24))
        dashboard.add_widgets(
            _graph("Requests", api.metric_count(), api.metric_client_error(), api.metric_server_error()),
            _graph("Latency, ms", api.metric_latency(statistic="p50"), api.metric_latency(statistic="p99")),
        )
        dashboard.add_widgets(
            _search(
                "Failed requests by model",
                f'{{Relearn,stage,model}} MetricName="ServerErrors" stage="{settings.stage}"',
            ),
        )
        dashboard.add_widgets(
            _graph("Uploads waiting", queue.metric_approximate_number_of_messages_visible()),
            _graph("Runs", retrain.metric_started(), retrain.metric_succeeded(), retrain.metric_failed()),
        )


def _of_function(name: str, function: Function) -> cloudwatch.Metric:
    """Return a metric of a function, by the function's name.

    A reference would make the function an export of its stack, and an export that is in use cannot be removed: no model
    that has a host could be removed from the stage.
    """
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=name,
        dimensions_map={"FunctionName": function.function_name},
        statistic="Sum",
        period=PERIOD,
    )


def _lost(name: str, settings: Settings) -> cloudwatch.Metric:
    """Return a stage-wide metric of `lambdas.serving.request_context`."""
    return cloudwatch.Metric(
        namespace="Relearn",
        metric_name=name,
        dimensions_map={"stage": settings.stage},
        statistic="Sum",
        period=PERIOD,
    )


def _search(title: str, what: str) -> cloudwatch.GraphWidget:
    """Graph every metric that a search finds, as many models as there are."""
    found = cloudwatch.MathExpression(
        expression=f"SEARCH('{what}', 'Sum', 300)", using_metrics={}, label="", period=PERIOD
    )
    return cloudwatch.GraphWidget(title=title, left=[found], width=12)


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12)
