"""Strict fake of SageMaker behind real boto3 clients: they check parameters, the fake checks SageMaker's rules.

It refuses what AWS refuses: duplicate names, models of packages that do not exist, deletion of endpoint
configurations in use, invocations of endpoints that are not in service.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import boto3

ACCOUNT = "123456789012"
REGION = "eu-central-1"
NO_MORE = (
    "The account-level service limit 'Maximum number of serverless endpoints' is 5 Endpoints, with current utilization "
    "of 5 Endpoints and a request delta of 1 Endpoints."
)
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
Brain = Callable[[str, dict[str, Any]], tuple[int, Any]]


class RefusedError(Exception):
    def __init__(self, code: str, message: str, status: int = 400, **more: Any) -> None:
        super().__init__(message)
        self.parsed = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
            **more,
        }
        self.status = status


@dataclass
class Answer:
    status_code: int


@dataclass
class FakeSageMaker:
    """State of one account.

    Parameters
    ----------
    brain
        Answers invocations: endpoint name and body to status and JSON.
    creating, deleting
        Number of DescribeEndpoint calls before an endpoint is in service, or gone.
    fail_with
        Failure reason of new endpoints; "" lets them succeed.
    lose_reply_of
        Call whose next reply is lost, so that botocore repeats it.
    no_more_by
        Call that is refused because of a service limit.
    now
        Clock for creation times.
    """

    brain: Brain
    creating: int = 0
    deleting: int = 1
    groups: dict[str, Any] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    packages: dict[str, dict[str, Any]] = field(default_factory=dict)
    transforms: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fail_with: str = ""
    lose_reply_of: str = ""
    no_more_by: str = ""
    now: Callable[[], datetime] = lambda: _EPOCH

    def attach(self, session: boto3.Session) -> Callable[[], None]:
        """Answer every SageMaker call of the session's clients; return a function that detaches the fake."""
        name, hook = "before-call.sagemaker", cast("Any", self._control)
        session.events.register(name, hook)
        return lambda: session.events.unregister(name, hook)

    def _control(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Answer, dict[str, Any]]:
        self.calls.append(model.name)
        try:
            given = json.loads(params["body"] or b"{}")
            self._refuse_more(model.name)
            if model.name == self.lose_reply_of:
                # the first call takes effect, its reply is lost, and botocore repeats it
                self.lose_reply_of = ""
                getattr(self, f"on_{model.name}")(**given)
            parsed = getattr(self, f"on_{model.name}")(**given)
        except RefusedError as error:
            return Answer(error.status), error.parsed
        return Answer(200), {**(parsed or {}), "ResponseMetadata": {"HTTPStatusCode": 200}}

    def _refuse_more(self, call: str) -> None:
        if call == self.no_more_by:
            raise RefusedError("ResourceLimitExceeded", NO_MORE)

    def _answer(self, name: str, body: dict[str, Any]) -> bytes:
        if self.endpoints.get(name, {}).get("EndpointStatus") != "InService":
            raise RefusedError("ValidationError", f"Endpoint {name} of account {ACCOUNT} not found.")
        status, answer = self.brain(name, body)
        if status != 200:
            said = answer.decode() if isinstance(answer, bytes) else json.dumps(answer)
            raise RefusedError(
                "ModelError", "Received error", 424, OriginalStatusCode=status, OriginalMessage=said
            )
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    # models

    def on_CreateModel(self, ModelName: str, PrimaryContainer: dict[str, Any], **rest: Any) -> Any:  # noqa: N802, N803
        _absent(self.models, ModelName)
        package = self.packages.get(PrimaryContainer["ModelPackageName"])
        if package is None:
            raise RefusedError("ValidationException", "Could not find model package")
        if (status := package.get("ModelApprovalStatus", "Approved")) != "Approved":
            raise RefusedError("ValidationException", f"the package is {status}")
        self.models[ModelName] = {
            "ModelName": ModelName,
            "PrimaryContainer": PrimaryContainer,
            "made": self.now(),
            **rest,
        }
        return {"ModelArn": _arn("model", ModelName)}

    def on_DescribeModel(self, ModelName: str) -> Any:  # noqa: N802, N803
        return _present(self.models, ModelName)

    def on_DeleteModel(self, ModelName: str) -> Any:  # noqa: N802, N803
        _present(self.models, ModelName)
        del self.models[ModelName]

    def on_ListModels(self, NameContains: str, **_: Any) -> Any:  # noqa: N802, N803
        return _listed(self.models, "Model", NameContains)

    def on_ListTags(self, ResourceArn: str) -> Any:  # noqa: N802, N803
        kind, name = ResourceArn.rsplit(":", 1)[1].split("/")
        things = {"model": self.models, "endpoint-config": self.configs, "endpoint": self.endpoints}[kind]
        return {"Tags": _present(things, name).get("Tags", [])}

    # endpoint configs

    def on_CreateEndpointConfig(self, EndpointConfigName: str, **rest: Any) -> Any:  # noqa: N802, N803
        _absent(self.configs, EndpointConfigName)
        for variant in rest["ProductionVariants"]:
            model = _present(self.models, variant["ModelName"])
            if "ServerlessConfig" in variant and model["EnableNetworkIsolation"]:
                raise RefusedError("ValidationException", "serverless inference knows no network isolation")
        self.configs[EndpointConfigName] = {
            "EndpointConfigName": EndpointConfigName,
            "made": self.now(),
            **rest,
        }
        return {"EndpointConfigArn": _arn("endpoint-config", EndpointConfigName)}

    def on_DescribeEndpointConfig(self, EndpointConfigName: str) -> Any:  # noqa: N802, N803
        return _present(self.configs, EndpointConfigName)

    def on_DeleteEndpointConfig(self, EndpointConfigName: str) -> Any:  # noqa: N802, N803
        _present(self.configs, EndpointConfigName)
        if any(found["EndpointConfigName"] == EndpointConfigName for found in self.endpoints.values()):
            raise RefusedError("ValidationException", f"{EndpointConfigName} is in use")
        del self.configs[EndpointConfigName]

    def on_ListEndpointConfigs(self, NameContains: str, **_: Any) -> Any:  # noqa: N802, N803
        return _listed(self.configs, "EndpointConfig", NameContains)

    # endpoints

    def on_CreateEndpoint(self, EndpointName: str, EndpointConfigName: str, **rest: Any) -> Any:  # noqa: N802, N803
        _absent(self.endpoints, EndpointName)
        _present(self.configs, EndpointConfigName)
        self.endpoints[EndpointName] = {
            "EndpointName": EndpointName,
            "EndpointConfigName": EndpointConfigName,
            "EndpointStatus": "Creating",
            "looks": self.creating,
            "made": self.now(),
            **rest,
        }
        return {"EndpointArn": _arn("endpoint", EndpointName)}

    def on_DescribeEndpoint(self, EndpointName: str) -> Any:  # noqa: N802, N803
        found = _present(self.endpoints, EndpointName)
        if found["looks"] > 0:
            found["looks"] -= 1
        elif found["EndpointStatus"] == "Creating":
            found["EndpointStatus"] = "Failed" if self.fail_with else "InService"
            found["FailureReason"] = self.fail_with
        elif found["EndpointStatus"] == "Deleting":
            del self.endpoints[EndpointName]
            _present(self.endpoints, EndpointName)
        return found

    def on_DeleteEndpoint(self, EndpointName: str) -> Any:  # noqa: N802, N803
        found = _present(self.endpoints, EndpointName)
        found |= {"EndpointStatus": "Deleting", "looks": self.deleting}

    def on_ListEndpoints(self, NameContains: str, **_: Any) -> Any:  # noqa: N802, N803
        return _listed(self.endpoints, "Endpoint", NameContains)

    # transform jobs

    def on_CreateTransformJob(self, TransformJobName: str, ModelName: str, **rest: Any) -> Any:  # noqa: N802, N803
        _present(self.models, ModelName)
        if TransformJobName in self.transforms:
            raise RefusedError("ResourceInUse", f"{TransformJobName} exists already")
        job = {
            "TransformJobName": TransformJobName,
            "ModelName": ModelName,
            "TransformJobStatus": "InProgress",
        }
        self.transforms[TransformJobName] = {**job, **rest}
        return {"TransformJobArn": _arn("transform-job", TransformJobName)}

    def on_DescribeTransformJob(self, TransformJobName: str) -> Any:  # noqa: N802, N803
        return _present(self.transforms, TransformJobName)

    def on_StopTransformJob(self, TransformJobName: str) -> Any:  # noqa: N802, N803
        found = _present(self.transforms, TransformJobName)
        if found["TransformJobStatus"] != "InProgress":
            raise RefusedError("ValidationException", f"{TransformJobName} is {found['TransformJobStatus']}")
        found["TransformJobStatus"] = "Stopping"

    def on_ListTransformJobs(self, NameContains: str, StatusEquals: str, **_: Any) -> Any:  # noqa: N802, N803
        found = [
            {"TransformJobName": name}
            for name, job in self.transforms.items()
            if NameContains in name and job["TransformJobStatus"] == StatusEquals
        ]
        return {"TransformJobSummaries": found}

    # the registry

    def on_CreateModelPackageGroup(self, ModelPackageGroupName: str, **rest: Any) -> Any:  # noqa: N802, N803
        arn = _arn("model-package-group", ModelPackageGroupName)
        if ModelPackageGroupName in self.groups:
            raise RefusedError("ValidationException", f"Model Package Group already exists: {arn}")
        self.groups[ModelPackageGroupName] = rest
        return {"ModelPackageGroupArn": arn}

    def on_ListModelPackageGroups(self, NameContains: str, **_: Any) -> Any:  # noqa: N802, N803
        found = [name for name in sorted(self.groups) if NameContains in name]
        return {"ModelPackageGroupSummaryList": [{"ModelPackageGroupName": name} for name in found]}

    def on_DeleteModelPackageGroup(self, ModelPackageGroupName: str) -> Any:  # noqa: N802, N803
        if ModelPackageGroupName not in self.groups:
            raise RefusedError(
                "ValidationException", f"ModelPackageGroup {ModelPackageGroupName} does not exist."
            )
        if any(f"/{ModelPackageGroupName}/" in arn for arn in self.packages):
            raise RefusedError("ConflictException", f"{ModelPackageGroupName} has model packages")
        del self.groups[ModelPackageGroupName]

    def on_CreateModelPackage(self, ModelPackageGroupName: str, ClientToken: str, **rest: Any) -> Any:  # noqa: N802, N803
        if ModelPackageGroupName not in self.groups:
            raise RefusedError("ValidationException", f"no group {ModelPackageGroupName}")
        if ClientToken not in self.tokens:
            before = [arn for arn in self.packages if f"/{ModelPackageGroupName}/" in arn]
            number = max((int(arn.rsplit("/", 1)[1]) for arn in before), default=0) + 1
            arn = _arn("model-package", f"{ModelPackageGroupName}/{number}")
            self.packages[arn] = rest
            self.tokens[ClientToken] = arn
        return {"ModelPackageArn": self.tokens[ClientToken]}

    def on_DescribeModelPackage(self, ModelPackageName: str) -> Any:  # noqa: N802, N803
        return _present(self.packages, ModelPackageName)

    def on_UpdateModelPackage(self, ModelPackageArn: str, **changes: Any) -> Any:  # noqa: N802, N803
        _present(self.packages, ModelPackageArn).update(changes)
        return {"ModelPackageArn": ModelPackageArn}

    def on_ListModelPackages(self, ModelPackageGroupName: str, **_: Any) -> Any:  # noqa: N802, N803
        arns = [arn for arn in self.packages if f"/{ModelPackageGroupName}/" in arn]
        return {"ModelPackageSummaryList": [{"ModelPackageArn": arn} for arn in arns]}

    def on_DeleteModelPackage(self, ModelPackageName: str) -> Any:  # noqa: N802, N803
        _present(self.packages, ModelPackageName)
        del self.packages[ModelPackageName]


def _arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


def _listed(things: dict[str, Any], kind: str, contained: str) -> Any:
    arn = {"Model": "model", "EndpointConfig": "endpoint-config", "Endpoint": "endpoint"}[kind]
    found = [
        {f"{kind}Name": name, f"{kind}Arn": _arn(arn, name), "CreationTime": thing.get("made", _EPOCH)}
        for name, thing in things.items()
        if contained in name
    ]
    return {f"{kind}s": found}


def _present(things: dict[str, Any], name: str) -> Any:
    if name not in things:
        raise RefusedError("ValidationException", f'Could not find "{name}".')
    return things[name]


def _absent(things: dict[str, Any], name: str) -> None:
    if name in things:
        raise RefusedError("ValidationException", f'Cannot create already existing "{name}".')
