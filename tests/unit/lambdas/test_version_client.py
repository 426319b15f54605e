"""One request to predict: how long it has, who is asked for what, and what is told of it afterwards."""

from __future__ import annotations

from typing import Any
from unittest.mock import call, create_autospec

import pytest

from lambdas.aws.fast.endpoints import Invoker
from lambdas.aws.fast.online_features import OnlineReader
from lambdas.aws.metrics import COUNT, MILLISECONDS, Group, Meter
from lambdas.serving.backends import Backends, Host
from lambdas.serving.ledger_cache import VersionCache
from lambdas.serving.request_context import RequestContext
from lambdas.serving.version_client import MODEL_SECONDS, Payload, VersionClient
from relearn.errors import FieldError, InvalidInstancesError, UnanswerableError
from relearn.naming.resources import Place
from relearn.traffic.timing import ModelReply, Timing
from tests.support.clocks import Clock
from tests.support.models import FLOWERS, LOOKED_UP

ROSE, TULIP = {"length": 3.0, "width": 1.0}, {"length": 9.0, "width": 4.0}
PLACE = Place("relearn-dev-flowers-v3", in_lambda=False)


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


@pytest.fixture
def context(clock: Clock) -> RequestContext:
    return RequestContext(20.0, clock=clock)


# the time of a request


def test_a_request_has_the_seconds_it_was_given_and_none_more(context: RequestContext, clock: Clock) -> None:
    assert (context.seconds_left(), context.elapsed()) == (20.0, 0.0)
    clock.now += 19.5
    assert (context.seconds_left(), context.elapsed()) == (0.5, 19.5)
    clock.now += 0.5
    with pytest.raises(
        TimeoutError, match=r"^the request took longer than it may; send it again, or with fewer"
    ):
        context.seconds_left()


def test_a_phase_is_measured_also_when_it_fails(context: RequestContext, clock: Clock) -> None:
    def break_off() -> None:
        with context.phase("model"):
            clock.now += 0.25
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        break_off()
    assert context.milliseconds("model") == 250.0


# what is told of a request


def finished(
    context: RequestContext, status: int = 200
) -> tuple[dict[str, str], list[Group], dict[str, Any]]:
    meter = create_autospec(Meter, instance=True)
    answer = {"statusCode": status, "headers": {"a": "b"}}
    assert context.finish(answer, meter, "id-1") is answer
    (recorded,) = meter.record.mock_calls
    return answer["headers"], list(recorded.args), recorded.kwargs  # type: ignore[return-value]


def test_an_answer_says_where_its_time_went(context: RequestContext, clock: Clock) -> None:
    with context.phase("model"):
        clock.now += 0.0125
    headers, _, _ = finished(context)
    assert headers == {"a": "b", "server-timing": "model;dur=12.5, total;dur=12.5"}


def test_an_answer_that_was_given_before_says_so(context: RequestContext) -> None:
    context.replayed = True
    headers, _, line = finished(context)
    assert headers["idempotency-replayed"] == "true"
    assert line["replayed"] is True


@pytest.mark.parametrize(
    ("status", "message"), [(200, "predicted"), (399, "predicted"), (400, "refused"), (503, "refused")]
)
def test_the_log_line_says_how_a_request_ended(context: RequestContext, status: int, message: str) -> None:
    context.rows = 3
    _, _, line = finished(context, status)
    assert line == {"message": message, "request_id": "id-1", "rows": 3, "replayed": False}


def test_a_request_that_was_answered_is_counted_for_its_version(
    context: RequestContext, clock: Clock
) -> None:
    context.model, context.version = "flowers", 3
    with context.phase("model"):
        clock.now += 0.01
    clock.now += 0.01
    _, groups, _ = finished(context)
    assert groups == [
        Group({"model": "flowers"}, {"Requests": (1, COUNT), "Latency": (20.0, MILLISECONDS)}),
        Group(
            {"model": "flowers", "version": 3},
            {"Predictions": (1, COUNT), "ModelLatency": (10.0, MILLISECONDS)},
        ),
    ]


def test_an_answer_from_memory_has_no_latency_of_a_model(context: RequestContext) -> None:
    _, groups, _ = finished(context)
    assert groups[-1] == Group({"model": "unknown", "version": 0}, {"Predictions": (1, COUNT)})


@pytest.mark.parametrize(("status", "ours"), [(400, False), (499, False), (500, True)])
def test_a_request_that_failed_is_counted_by_its_status(
    context: RequestContext, status: int, *, ours: bool
) -> None:
    _, groups, _ = finished(context, status)
    failed = [Group({"model": "unknown", "status": status}, {"PredictionErrors": (1, COUNT)})]
    assert groups[1:] == failed + [Group({"model": "unknown"}, {"ServerErrors": (1, COUNT)})] * ours


def test_a_cold_start_and_what_was_looked_up_are_counted(clock: Clock) -> None:
    context = RequestContext(20.0, cold=True, clock=clock)
    context.looked_up, context.unknown = 5, 2
    _, groups, _ = finished(context)
    assert groups[0].metrics == {
        "Requests": (1, COUNT),
        "Latency": (0.0, MILLISECONDS),
        "ColdStarts": (1, COUNT),
        "Lookups": (5, COUNT),
        "UnknownEntities": (2, COUNT),
    }


@pytest.mark.parametrize(
    ("attribute", "metric"),
    [("lost", "RecordsLost"), ("uncounted", "CountsLost"), ("skipped", "TrialsSkipped")],
)
def test_what_is_lost_beside_an_answer_is_counted_for_the_model_and_the_stage(
    context: RequestContext, attribute: str, metric: str
) -> None:
    setattr(context, attribute, True)
    _, groups, _ = finished(context)
    lost = {metric: (1.0, COUNT)}
    assert groups[1:3] == [Group({"model": "unknown"}, lost), Group({}, lost)]


# who is asked


@pytest.fixture
def backends() -> Any:
    found = create_autospec(Backends, instance=True)
    found.ask.return_value = answer(3, "rose")
    return found


@pytest.fixture
def features() -> Any:
    return create_autospec(OnlineReader, instance=True)


@pytest.fixture
def client(backends: Any, features: Any) -> VersionClient:
    versions = create_autospec(VersionCache, instance=True)
    versions.place.side_effect = lambda model, version: {("flowers", 3): PLACE}[model, version]
    return VersionClient(versions=versions, backends=backends, features=features)


def answer(version: int, *labels: str, timing: Timing | None = None) -> ModelReply:
    told = ", ".join(f'{{"label": "{label}", "probabilities": {{"{label}": 1.0}}}}' for label in labels)
    return ModelReply(f'{{"version": {version}, "predictions": [{told}]}}'.encode(), timing)


def test_the_time_of_a_request_is_that_of_its_longest_part(
    client: VersionClient, backends: Any, context: RequestContext
) -> None:
    told = {
        b"one": answer(3, "rose", timing=Timing(3.0)),
        b"two": answer(3, "tulip", timing=Timing(2.0, started=True)),
        b"three": answer(3, "tulip"),
    }
    backends.ask.side_effect = lambda _place, _model, _version, body, _seconds: told[body]
    client.ask(Payload(FLOWERS, [ROSE, TULIP], [(1, b"one"), (1, b"two")]), 3, context)
    assert context.timing == Timing(3.0, started=True)
    client.ask(Payload(FLOWERS, [ROSE, TULIP], [(1, b"one"), (1, b"three")]), 3, context)
    assert context.timing is None


def test_a_version_is_asked_where_it_is_for_as_long_as_a_version_may_take(
    client: VersionClient, backends: Any, clock: Clock
) -> None:
    found = client.ask(Payload(FLOWERS, [ROSE], [(1, b"body")]), 3, RequestContext(60.0, clock=clock))
    assert found == [{"label": "rose", "probabilities": {"rose": 1.0}}]
    assert backends.ask.mock_calls == [call(PLACE, "flowers", 3, b"body", MODEL_SECONDS)]


def test_a_version_is_asked_for_no_longer_than_the_request_has(
    client: VersionClient, backends: Any, context: RequestContext
) -> None:
    client.ask(Payload(FLOWERS, [ROSE], [(1, b"body")]), 3, context)
    client.ask(Payload(FLOWERS, [ROSE], [(1, b"body")]), 3, context, 4.0)
    assert [one.args[-1] for one in backends.ask.mock_calls] == [20.0, 4.0]
    assert context.milliseconds("model") == 0.0


def test_the_answers_to_parts_come_in_the_order_of_the_question(
    client: VersionClient, backends: Any, context: RequestContext
) -> None:
    told = {b"one": answer(3, "rose", "rose"), b"two": answer(3, "tulip")}
    backends.ask.side_effect = lambda _place, _model, _version, body, _seconds: told[body]
    found = client.ask(Payload(FLOWERS, [ROSE, ROSE, TULIP], [(2, b"one"), (1, b"two")]), 3, context)
    assert [one["label"] for one in found] == ["rose", "rose", "tulip"]


@pytest.mark.parametrize(
    ("pointer", "moved"),
    [("/instances/0/width", "/instances/2/width"), ("/instances/0", "/instances/2"), ("/instances", "/instances"),
     ("/other/x", "/other/x"), ("", "")],
)  # fmt: skip
def test_what_has_no_answer_is_pointed_at_in_the_whole_question(
    client: VersionClient, backends: Any, context: RequestContext, pointer: str, moved: str
) -> None:
    def refusing(_place: Place, _model: str, _version: int, body: bytes, _seconds: float) -> ModelReply:
        if body == b"two":
            raise UnanswerableError((FieldError(pointer, "out of range"),))
        return answer(3, "rose", "rose")

    backends.ask.side_effect = refusing
    with pytest.raises(UnanswerableError) as caught:
        client.ask(Payload(FLOWERS, [ROSE, ROSE, TULIP], [(2, b"one"), (1, b"two")]), 3, context)
    assert caught.value.errors == (FieldError(moved, "out of range"),)


def test_a_question_that_is_whole_is_asked_as_it_is(
    client: VersionClient, features: Any, context: RequestContext
) -> None:
    payload = Payload(LOOKED_UP, [{"a": 1.0, "b": 2.0, "who": "ann"}], [(1, b"as it came")])
    assert client.complete(payload, 3, context) is payload
    assert (features.look_up.mock_calls, context.looked_up) == ([], 0)


def test_a_question_that_leaves_something_out_is_written_anew(
    client: VersionClient, features: Any, context: RequestContext
) -> None:
    features.look_up.return_value = {"ann": {"a": 1.0, "b": 2.0}}
    payload = Payload(LOOKED_UP, [{"who": "ann"}], [(1, b"as it came")])
    whole = client.complete(payload, 3, context)
    assert whole.instances == [{"a": 1.0, "b": 2.0, "who": "ann"}]
    assert whole.bodies == [(1, b'{"instances":[{"a":1.0,"b":2.0,"who":"ann"}]}')]
    assert features.look_up.mock_calls == [call("m", 3, ["ann"], context.seconds_left)]


def test_what_was_looked_up_and_what_is_unknown_is_counted_also_when_it_is_refused(
    client: VersionClient, features: Any, context: RequestContext
) -> None:
    features.look_up.return_value = {"ann": {"a": 1.0, "b": 2.0}}
    with pytest.raises(InvalidInstancesError, match="bob"):
        client.complete(Payload(LOOKED_UP, [{"who": "ann"}, {"who": "bob"}], []), 3, context)
    assert (context.looked_up, context.unknown) == (2, 1)


def test_a_model_that_names_no_entity_costs_no_look_up(
    client: VersionClient, features: Any, context: RequestContext
) -> None:
    payload = Payload(FLOWERS, [ROSE], [(1, b"as it came")])
    assert client.complete(payload, 3, context) is payload
    assert (features.look_up.mock_calls, context.looked_up) == ([], 0)


@pytest.mark.parametrize("in_lambda", [False, True])
def test_a_host_is_asked_for_versions_in_lambda_and_endpoints_for_all_others(*, in_lambda: bool) -> None:
    endpoints, host = create_autospec(Invoker, instance=True), create_autospec(Host, instance=True)
    endpoints.ask.return_value, host.ask.return_value = ModelReply(b"endpoint"), ModelReply(b"host")
    found = Backends(endpoints=endpoints, host=host).ask(Place("name", in_lambda), "iris", 3, b"body", 4.0)
    if in_lambda:
        assert (found.body, host.ask.mock_calls) == (b"host", [call("iris", 3, b"body", 4.0)])
        endpoints.ask.assert_not_called()
    else:
        assert (found.body, endpoints.ask.mock_calls) == (b"endpoint", [call("name", b"body", 4.0)])
        host.ask.assert_not_called()
