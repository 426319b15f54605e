"""What functions, queues, topics and buckets themselves let in."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from tests.e2e.client import Item, Stage
from tests.e2e.privilege import policies
from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.parts import batches, uploads
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Broken, Part

SECONDS = 3.0
QUIET_SECONDS = 2.0
"""After a function's last word nothing that began before goes on."""
HOSTED = "diabetes"
"""It runs in Lambda: the API has routes of its own for it."""


def api(bench: Bench, moments: Moments) -> Part:
    instances = {"instances": bench.stage.sample(MODEL)}
    hosted = {"instances": bench.stage.sample(HOSTED)}

    def every_route_answers() -> None:
        book = moments["Rest"].book.add(batches.record(batches.DONE, "FAILED"))
        bench.ledger.write(book.add(uploads.form(uploads.FORM)))
        scored, sent = f"/v1/models/{MODEL}/batches", f"/v1/models/{MODEL}/uploads"
        asked = {
            "/v1/models": None,
            f"/v1/models/{MODEL}": None,
            f"/v1/models/{MODEL}/versions": None,
            f"/v1/models/{MODEL}/runs": None,
            f"/v1/models/{MODEL}/route": None,
            "/openapi.json": None,
            f"/v1/models/{MODEL}/predict": instances,
            f"/v1/models/{MODEL}/feedback": {"feedback": [{"prediction": "none", "truth": "setosa"}]},
            f"{scored}/{batches.DONE}": None,
            scored: None,
            f"{sent}/{uploads.FORM}": None,
            sent: None,
            "/v2": None,
            "/v2/health/live": None,
            "/v2/health/ready": None,
            f"/v2/models/{MODEL}": None,
            f"/v2/models/{MODEL}/ready": None,
            f"/v2/models/{MODEL}/infer": _tensors(instances["instances"]),
            f"/v1/models/{HOSTED}/predict": hosted,
            f"/v2/models/{HOSTED}/infer": _tensors(hosted["instances"]),
        }
        for path, body in asked.items():
            _answers(bench.stage.http(path, body), 200, path)
        for path in (
            f"/v1/models/{MODEL}/runs/none",
            "/docs/none",
            "/nothing",
        ):  # a problem of the function's own
            _answers(bench.stage.http(path), 404, path)
        asking_nobody = f"/v1/models/{MODEL}/versions/1/approval"
        _answers(bench.stage.http(asking_nobody, {"decision": "approve"}), 409, asking_nobody)
        _answers(bench.stage.http(scored, {}), 201, scored)
        _answers(bench.stage.http(sent, {"filename": "new.csv"}), 201, sent)
        _opens(bench.stage, "/docs")

    found = [g for g in policies.of_functions(bench.stage) if g.principal == "apigateway.amazonaws.com"]
    return Part(found, [every_route_answers])


def _tensors(instances: list[Item]) -> Item:
    shape = [len(instances)]
    data = {name: [row[name] for row in instances] for name in instances[0]}
    kinds = {name: "BYTES" if isinstance(given[0], str) else "FP32" for name, given in data.items()}
    return {"inputs": [{"name": n, "datatype": kinds[n], "shape": shape, "data": d} for n, d in data.items()]}


def _answers(answer: tuple[int, object, object], status: int, path: str) -> None:
    if answer[0] != status:
        raise Broken(f"{path} answers {answer[0]}: {answer[2]}")


def _opens(stage: Stage, path: str) -> None:
    url = stage.api_url.rstrip("/") + path
    request = urllib.request.Request(url, headers=stage.signature("GET", url, None))  # noqa: S310
    try:
        urllib.request.urlopen(request, timeout=120).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        raise Broken(f"{url} answers {error.code}") from error


def rules(bench: Bench, moments: Moments) -> Part:
    """The sweep is woken by two rules: a schedule, and a run that died."""
    events, machine = bench.stage.client("events"), bench.machine
    found = [g for g in policies.of_functions(bench.stage) if g.principal == "events.amazonaws.com"]
    found = [g for g in found if g.function == bench.name("sweep")]
    names = [grant.source.rpartition("/")[2] for grant in found]
    described = {name: events.describe_rule(Name=name) for name in names}
    (schedule,) = (name for name in names if described[name].get("ScheduleExpression"))
    (died,) = (name for name in names if name != schedule)

    def earlier_ones_are_over() -> bool:
        return bench.is_quiet("sweep", seconds=QUIET_SECONDS)

    def swept(began: float) -> bool:
        return bench.logged("sweep", since=began)

    def a_run_dies() -> None:
        bench.ledger.write(moments["Rest"].book)
        machine.take_long()
        events.enable_rule(Name=died)
        try:
            arn = machine.client.start_execution(
                stateMachineArn=machine.arn, input='{"model": "iris", "run_id": "x"}'
            )
            bench.expect("no sweep of an earlier scene", earlier_ones_are_over, seconds=60)
            began = bench.now()
            machine.client.stop_execution(executionArn=arn["executionArn"])
            bench.expect("the sweep after a run died", lambda: swept(began), seconds=SECONDS)
        finally:
            events.disable_rule(Name=died)
            machine.stand_still()

    def it_is_time() -> None:
        """An event of ours stands for the clock: who may invoke the function is asked of the rule."""
        bench.ledger.write(moments["Rest"].book)
        expression = described[schedule]["ScheduleExpression"]
        pattern = json.dumps({"source": ["privilege"]})
        events.put_rule(Name=schedule, ScheduleExpression=expression, EventPattern=pattern, State="ENABLED")
        try:
            began = bench.now()
            events.put_events(Entries=[{"Source": "privilege", "DetailType": "It is time", "Detail": "{}"}])
            bench.expect("the sweep at its time", lambda: swept(began), seconds=SECONDS)
        finally:
            events.put_rule(Name=schedule, ScheduleExpression=expression, State="DISABLED")

    return Part(found, [a_run_dies, it_is_time])


def queue(bench: Bench, _moments: Moments) -> Part:
    events, sqs, url = bench.stage.client("events"), bench.stage.client("sqs"), bench.stage.queue_of("ingest")
    found = list(policies.of_queues(bench.stage))
    found = [grant for grant in found if bench.name("training") in grant.resource]
    (rule,) = (name for grant in found for name in _rules(grant.content))

    def arrived() -> bool:
        count = "ApproximateNumberOfMessages"
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[count])["Attributes"]
        return str(found[count]) != "0"

    def an_upload_arrives_in_the_queue() -> None:
        sqs.purge_queue(QueueUrl=url)
        events.enable_rule(Name=rule)
        try:
            bench.stage.put(MODEL, "arrives.csv", b"arrives")
            bench.expect("the upload's event in the queue", arrived, seconds=SECONDS)
        finally:
            events.disable_rule(Name=rule)
            sqs.purge_queue(QueueUrl=url)

    return Part(found, [an_upload_arrives_in_the_queue])


def _rules(statement: policies.Statement) -> list[str]:
    return [arn.rpartition("/")[2] for arn in statement["Condition"]["ArnEquals"].values()]


def topic(bench: Bench, _moments: Moments) -> Part:
    cloudwatch = bench.stage.client("cloudwatch")
    alarm = cloudwatch.describe_alarms(AlarmNamePrefix=bench.name("monitoring"))["MetricAlarms"][0][
        "AlarmName"
    ]

    def an_alarm_is_heard() -> None:
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="a scene begins")
        bench.topic.forget()
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a scene")
        bench.expect("the alarm's notification", bench.topic.heard, seconds=1)

    return Part(list(policies.of_topics(bench.stage)), [an_alarm_is_heard])


def buckets(bench: Bench, _moments: Moments) -> Part:
    return Part(list(policies.of_buckets(bench.stage)), [])


PARTS = {
    "api_permissions": api,
    "rule_permissions": rules,
    "queue_policy": queue,
    "topic_policy": topic,
    "bucket_policies": buckets,
}
