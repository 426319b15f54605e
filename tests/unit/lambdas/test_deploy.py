"""A version is deployed once, from what was judged and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import call, create_autospec

import pytest

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.s3.storage import Storage
from lambdas.aws.sagemaker.endpoints import Endpoints
from lambdas.aws.sagemaker.registry import Entry, Registry
from lambdas.runs.deployment import Deployment
from lambdas.runs.registration import Registration
from lambdas.runtime.catalog import Catalog
from relearn.data import snapshots
from relearn.errors import ArtifactError, ModelFailedError, NotFoundError
from relearn.lifecycle import approval
from relearn.lifecycle.run_context import Deployed
from relearn.lifecycle.runs import Run, RunState, Version
from relearn.spec import codec, hosting
from relearn.spec.hosting import Hosting, InLambda, Realtime, Serverless
from relearn.spec.model import ModelSpec, Retrain
from tests.support.models import FLOWERS

NAME = "relearn-dev-flowers-v3"
NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
SHA = hashlib.sha256(b"judged").hexdigest()
VERSION = Version(
    model="flowers", version=3, artifact="s3://artifacts/models/flowers/model.tar.gz", artifact_sha256=SHA
)


@pytest.fixture
def ledger() -> Any:
    found = create_autospec(Ledger, instance=True)
    found.version.return_value = VERSION
    found.change_version.side_effect = replace
    return found


@pytest.fixture
def endpoints() -> Any:
    found = create_autospec(Endpoints, instance=True)
    found.status.return_value = None
    found.ensure.return_value = SimpleNamespace(status="Creating", reason="")
    return found


@pytest.fixture
def storage() -> Any:
    found = create_autospec(Storage, instance=True)
    found.stream.return_value.sha256.return_value = SHA
    return found


@pytest.fixture
def deployment(ledger: Any, endpoints: Any, storage: Any) -> Deployment:
    known = create_autospec(Catalog, instance=True)
    known.spec = lambda model: {"flowers": FLOWERS}[model]
    return Deployment(
        ledger=ledger,
        endpoints=endpoints,
        storage=storage,
        catalog=known,
        stage="dev",
        roles="arn:role/relearn-",
        poll_seconds=15,
    )


def test_an_endpoint_is_written_down_before_it_is_made(
    deployment: Deployment, ledger: Any, endpoints: Any
) -> None:
    first = {"name": NAME, "status": "Creating", "wait_seconds": 15, "waited_seconds": 15}
    assert deployment.deploy("flowers", 3) == first
    assert ledger.version.mock_calls == [call("flowers", 3)]
    assert ledger.change_version.mock_calls == [call(VERSION, endpoint=NAME)]
    made = call(FLOWERS.hosting, replace(VERSION, endpoint=NAME), "arn:role/relearn-flowers")
    assert endpoints.ensure.mock_calls == [made]
    assert endpoints.status.mock_calls == [call(NAME)]


def test_an_endpoint_that_is_there_is_neither_written_down_nor_checked_again(
    deployment: Deployment, ledger: Any, endpoints: Any, storage: Any
) -> None:
    ledger.version.return_value = replace(VERSION, endpoint=NAME)
    endpoints.status.return_value = endpoints.ensure.return_value = SimpleNamespace(
        status="InService", reason=""
    )
    assert deployment.deploy("flowers", 3) == {"name": NAME, "status": "InService"}
    ledger.change_version.assert_not_called()
    storage.stream.assert_not_called()


def test_a_version_runs_where_it_was_registered_for(
    deployment: Deployment, ledger: Any, endpoints: Any
) -> None:
    where = Realtime(instance="ml.m5.large")
    assert not isinstance(FLOWERS.hosting, Realtime)
    assert isinstance(FLOWERS.hosting, Serverless)
    ledger.version.return_value = replace(VERSION, hosting=hosting.to_dict(where))
    deployment.deploy("flowers", 3)
    assert endpoints.ensure.call_args.args[0] == where


@pytest.mark.parametrize("spec", [InLambda(), Serverless(keeps_host=True)], ids=["in Lambda", "host kept"])
def test_a_version_in_lambda_needs_no_endpoint_but_a_model_to_score_batches_with(
    deployment: Deployment,
    ledger: Any,
    endpoints: Any,
    storage: Any,
    *,
    spec: Hosting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deployment.catalog, "spec", lambda _: replace(FLOWERS, hosting=spec))
    ledger.version.return_value = in_lambda = replace(VERSION, hosting=hosting.to_dict(InLambda()))
    name = "relearn-dev-host-flowers"
    assert deployment.deploy("flowers", 3) == {"name": name, "status": "InService"}
    model = call(replace(in_lambda, endpoint=name), "arn:role/relearn-flowers")
    assert endpoints.ensure_model.mock_calls == [model]
    assert storage.stream.mock_calls[0] == call("artifacts", "models/flowers/model.tar.gz")
    endpoints.ensure.assert_not_called()


def test_a_version_in_lambda_of_a_model_without_a_host_is_not_deployed_and_it_is_said_what_to_do(
    deployment: Deployment, ledger: Any, endpoints: Any
) -> None:
    ledger.version.return_value = replace(VERSION, hosting=hosting.to_dict(InLambda()))
    with pytest.raises(ModelFailedError, match=r"version 3 of flowers .* say keeps_host=True"):
        deployment.deploy("flowers", 3)
    endpoints.ensure_model.assert_not_called()
    ledger.change_version.assert_not_called()


@pytest.mark.parametrize("status", ["Updating", "SystemUpdating", "RollingBack"])
@pytest.mark.parametrize(
    ("where", "told"), [(Serverless(), "InService"), (Realtime(instance="ml.m5.large"), "Creating")]
)
def test_an_endpoint_that_is_being_changed_serves_and_is_scaled_when_that_is_over(
    deployment: Deployment, ledger: Any, endpoints: Any, *, status: str, where: Any, told: str
) -> None:
    # DescribeEndpoint, EndpointStatus: such an endpoint answers, and cannot be updated, deleted or scaled
    ledger.version.return_value = replace(VERSION, hosting=hosting.to_dict(where))
    endpoints.ensure.return_value = SimpleNamespace(status=status, reason="")
    assert deployment.deploy("flowers", 3)["status"] == told


@pytest.mark.parametrize(
    ("shortest", "waited", "wait"),
    [(1, 0, 1), (1, 19, 1), (1, 300, 30), (15, 300, 30), (15, 9000, 60), (120, 9000, 120)],
)
def test_an_endpoint_that_takes_long_is_looked_at_ever_more_rarely(
    deployment: Deployment, *, shortest: int, waited: int, wait: int
) -> None:
    before: Deployed = {"name": NAME, "status": "Creating", "wait_seconds": 1, "waited_seconds": waited}
    told = replace(deployment, poll_seconds=shortest).deploy("flowers", 3, before)
    assert (told["wait_seconds"], told["waited_seconds"]) == (wait, waited + wait)


@pytest.mark.parametrize("status", ["OutOfService", "Deleting", "UpdateRollbackFailed"])
def test_an_endpoint_that_serves_no_more_fails_the_deployment(
    deployment: Deployment, endpoints: Any, status: str
) -> None:
    endpoints.ensure.return_value = SimpleNamespace(status=status, reason="")
    with pytest.raises(ModelFailedError, match=f"is {status}: no reason given"):
        deployment.deploy("flowers", 3)


@pytest.mark.parametrize(("reason", "said"), [("no capacity", "no capacity"), ("", "no reason given")])
def test_an_endpoint_that_failed_says_why(
    deployment: Deployment, endpoints: Any, reason: str, said: str
) -> None:
    endpoints.ensure.return_value = SimpleNamespace(status="Failed", reason=reason)
    with pytest.raises(ModelFailedError, match=rf"^endpoint {NAME} is Failed: {said}$"):
        deployment.deploy("flowers", 3)


def test_an_artifact_that_was_changed_since_it_was_judged_is_not_deployed(
    deployment: Deployment, ledger: Any, endpoints: Any, storage: Any
) -> None:
    storage.stream.return_value.sha256.return_value = "other"
    said = f"^{VERSION.artifact} was changed since it was judged: it has SHA-256 other, and had {SHA}; it is not deployed"
    with pytest.raises(ArtifactError, match=said):
        deployment.deploy("flowers", 3)
    ledger.change_version.assert_not_called()
    endpoints.ensure.assert_not_called()


def test_a_version_of_which_nobody_knows_what_was_judged_is_not_deployed(
    deployment: Deployment, ledger: Any, storage: Any
) -> None:
    ledger.version.return_value = replace(VERSION, artifact_sha256="")
    with pytest.raises(
        ArtifactError, match=r"^nobody wrote down what was judged of version 3 of flowers, which is older"
    ):
        deployment.deploy("flowers", 3)
    storage.stream.assert_not_called()


def test_a_version_that_nobody_knows_is_not_deployed(deployment: Deployment, ledger: Any) -> None:
    ledger.version.return_value = None
    with pytest.raises(NotFoundError, match=r"^version 3 of flowers is not in the ledger$"):
        deployment.deploy("flowers", 3)


# registering it


RUN = Run(
    run_id="r", model="flowers", state=RunState.JUDGING, reason="better", champion_version=2, snapshot=("a", "b"),
    metrics={"f1_macro": 0.9}, artifact_sha256="1", onnx_sha256="2", contents_sha256="3", answers_sha256="4",
)  # fmt: skip


@pytest.fixture
def registry() -> Any:
    found = create_autospec(Registry, instance=True)
    found.register.return_value = (3, "arn")
    return found


def registering(ledger: Any, registry: Any, spec: ModelSpec = FLOWERS) -> Registration:
    ledger.run.return_value = RUN
    known = create_autospec(Catalog, instance=True)
    known.spec = lambda model: {"flowers": spec}[model]
    return Registration(
        ledger=ledger, registry=registry, catalog=known, lake="lake", image="image", clock=lambda: NOW
    )


def test_a_candidate_is_registered_with_where_it_comes_from(ledger: Any, registry: Any) -> None:
    told = registering(ledger, registry).register("flowers", "r", "s3://artifact")
    assert told == {"version": 3, "package_arn": "arn", "approval": "auto", "wait_seconds": 0}
    assert ledger.run.mock_calls == [call("flowers", "r")]
    lineage = {
        "snapshot": snapshots.digest(RUN.snapshot),
        "spec_digest": codec.digest(FLOWERS),
        "champion_version": "2",
        "data_report": "s3://lake/reports/flowers/r/data.html",
        "metric.f1_macro": "0.9",
    }
    entry = Entry(
        model="flowers", title="Flowers", run_id="r", image="image", artifact="s3://artifact",
        report="s3://lake/reports/flowers/r/report.json", reason="better", approved=True, lineage=lineage,
    )  # fmt: skip
    assert registry.register.mock_calls == [call(entry)]
    version = Version(
        model="flowers", version=3, run_id="r", package_arn="arn", artifact="s3://artifact", artifact_sha256="1",
        onnx_sha256="2", contents_sha256="3", answers_sha256="4", hosting=hosting.to_dict(FLOWERS.hosting),
        metrics={"f1_macro": 0.9}, reference_version=2, created_at="2026-05-04T10:00:00.000+00:00",
    )  # fmt: skip
    assert ledger.register.mock_calls == [call(RUN, version)]


def test_a_candidate_that_needs_an_approval_says_for_how_long_it_waits(ledger: Any, registry: Any) -> None:
    manual = replace(FLOWERS, retrain=Retrain(approval="manual", approval_hours=2))
    told = registering(ledger, registry, manual).register("flowers", "r", "s3://artifact")
    assert (told["approval"], told["wait_seconds"]) == ("manual", 7200)
    assert registry.register.call_args.args[0].approved is False
    assert ledger.register.call_args.args[1].approval == approval.begin(NOW, 2)


def test_a_candidate_whose_data_contradict_each_other_waits_for_a_person_whatever_the_policy(
    ledger: Any, registry: Any
) -> None:
    service = registering(ledger, registry)
    ledger.run.return_value = replace(RUN, contradicts=True)
    told = service.register("flowers", "r", "s3://artifact")
    assert (told["approval"], told["wait_seconds"]) == ("manual", 72 * 3600)
    assert ledger.register.call_args.args[1].approval == approval.begin(NOW, 72)


def test_a_candidate_is_registered_once(ledger: Any, registry: Any) -> None:
    service = registering(ledger, registry)
    ledger.run.return_value = replace(RUN, version=3)
    ledger.version.return_value = replace(VERSION, package_arn="before")
    assert service.register("flowers", "r", "s3://artifact")["package_arn"] == "before"
    assert ledger.version.mock_calls == [call("flowers", 3)]
    registry.register.assert_not_called()
    ledger.version.return_value = None
    with pytest.raises(NotFoundError, match=r"^version 3 of flowers is not in the ledger$"):
        service.register("flowers", "r", "s3://artifact")
