"""Functions that predict: one for all models, and a host function for each model that is, or was, in Lambda.

A version keeps the hosting that it was registered with, so a model that left `InLambda` keeps its host while its
spec says so (``keeps_host``). The spec decides which of the two the API calls; both can invoke every version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.base import staging
from infra.base.access import Access
from infra.base.functions import ARCHITECTURE, RUNTIME, Function
from infra.base.grants import Grant
from infra.base.settings import Settings
from infra.parts.records import Records
from infra.parts.shadow import Trials
from relearn.naming import resources, s3_keys
from relearn.naming.environment import Variable
from relearn.records import predictions
from relearn.spec.hosting import InLambda, has_host
from relearn.spec.model import ModelSpec

SECONDS = 29
"""Timeout in seconds; the API's is 30."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictionFunctions:
    """Factory of the functions that predict.

    Parameters
    ----------
    records, trials
        Prediction records and shadow requests, with their queues.
    """

    settings: Settings
    access: Access
    code: lambda_.Code
    records: Records
    trials: Trials

    def predict(self, scope: Construct) -> Function:
        """Create the function that predicts for all models."""
        return Function(
            scope,
            "Predict",
            name="predict",
            environment=self._variables(),
            allowed=[
                *self._allowed(),
                self.access.sagemaker.allow("InvokeEndpoint", on=["endpoint"]),
                self.access.ask_hosts(),
            ],
            memory_mb=512,
            reserved_concurrency=self.settings.predict_reserved_concurrency,
            **self._common(),
        )

    def hosts(self, scope: Construct, specs: Mapping[str, ModelSpec]) -> dict[str, Function]:
        """Create the host functions; returns model name to function, of the models that have one."""
        all_of_them = Construct(scope, "Hosts")
        layer = lambda_.LayerVersion(
            all_of_them,
            "Onnx",
            code=lambda_.Code.from_asset(str(staging.layer("onnx")), exclude=staging.NOT_IN_A_LAYER),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
        )
        return {
            name: self._host(all_of_them, spec, layer)
            for name, spec in specs.items()
            if has_host(spec.hosting)
        }

    def _host(self, scope: Construct, spec: ModelSpec, layer: lambda_.ILayerVersion) -> Function:
        hosting = spec.hosting if isinstance(spec.hosting, InLambda) else InLambda()
        return Function(
            scope,
            spec.name,
            name="host",
            function_name=resources.host_function(self.settings.stage, spec.name),
            environment=self._variables(HOSTED_MODEL=spec.name),
            allowed=[
                *self._allowed(),
                self.access.sagemaker.ask_endpoints_of(spec.name),
                self.access.artifacts("s3:GetObject", under=s3_keys.artifact_prefix(spec.name)),
            ],
            memory_mb=hosting.memory_mb,
            layers=[layer],
            **self._common(),
        )

    def _common(self) -> dict[str, Any]:
        return {"settings": self.settings, "code": self.code, "timeout_seconds": SECONDS}

    def _variables(self, **more: str) -> dict[str, str]:
        return self.access.variables(
            Variable.STAGE,
            Variable.LEDGER_TABLE,
            Variable.ONLINE_TABLE,
            Variable.LAKE_BUCKET,
            RECORDS_QUEUE_URL=self.records.queue.queue_url,
            TRIALS_QUEUE_URL=self.trials.queue.queue_url,
            **more,
        )

    def _allowed(self) -> list[Grant]:
        return [
            self.access.ledger("GetItem", "Query"),
            self.access.online("BatchGetItem"),
            self.access.keep_answers(),
            self.access.live("UpdateItem"),
            self.records.send(),
            self.trials.send(),
            self.access.lake("s3:PutObject", under=[predictions.PREDICTIONS]),
        ]
