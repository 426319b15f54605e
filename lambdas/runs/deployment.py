"""Deploys a registered version to an endpoint of its own; called repeatedly until the endpoint is in service."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.s3.storage import Storage
from lambdas.aws.sagemaker.endpoints import Endpoints
from lambdas.runtime.catalog import Catalog
from relearn.errors import ArtifactError, ModelFailedError, NotFoundError
from relearn.lifecycle.run_context import Deployed
from relearn.lifecycle.runs import Version
from relearn.naming import resources, s3_keys
from relearn.spec import hosting
from relearn.spec.hosting import Hosting, InLambda, Serverless, has_host

_SERVING = ("InService", "Updating", "SystemUpdating", "RollingBack")
"""Statuses of an endpoint that answers: ``EndpointStatus`` in the SageMaker API Reference, DescribeEndpoint."""

LONGEST_PAUSE = 60
"""Seconds at most between two looks at an endpoint that is being created, unless the stage polls more rarely."""


def pause(waited: int, shortest: int) -> int:
    """Return the seconds until the next look: a tenth of the time waited so far, so that looks stay few however long it takes.

    Step Functions ends an execution with more than 25,000 events ("Service quotas" in its Developer Guide, a hard quota).

    Parameters
    ----------
    waited
        Seconds that all looks so far have waited.
    shortest
        Shortest pause, in seconds; it wins over `LONGEST_PAUSE`.
    """
    return max(shortest, min(LONGEST_PAUSE, waited // 10))


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """Deploys versions, each to its own endpoint or to the Lambda host of its model.

    Parameters
    ----------
    ledger, endpoints, storage
        Adapters.
    catalog
        Specs of all models.
    stage
        Name of the stage.
    roles
        Prefix of the execution roles' ARNs; the name of the model completes it.
    poll_seconds
        Shortest pause between two looks at an endpoint that is being created.
    """

    ledger: Ledger
    endpoints: Endpoints
    storage: Storage
    catalog: Catalog
    stage: str
    roles: str
    poll_seconds: int

    def deploy(self, model: str, number: int, before: Deployed | None = None) -> Deployed:
        """Create the endpoint of a version unless it exists, and return its status.

        Parameters
        ----------
        model, number
            Version to deploy.
        before
            Answer of the call before in the same execution; None at the first.

        Returns
        -------
        Deployed
            ``name`` and ``status`` (Creating or InService); of one that is being created also ``wait_seconds``, after which
            to look again, and ``waited_seconds``, how long all looks will have waited by then.

        Raises
        ------
        NotFoundError
            The ledger has no such version.
        ModelFailedError
            The endpoint failed, or the model has no host for a version in Lambda; the message has the reason.
        ArtifactError
            The artifact in S3 is not the one that was judged.
        """
        version = self.ledger.version(model, number)
        if version is None:
            raise NotFoundError(f"version {number} of {model} is not in the ledger")
        where = self._hosting(version)
        if isinstance(where, InLambda):
            self._require_host(version)
        name = self._name(where, version)
        if isinstance(where, InLambda) or self.endpoints.status(name) is None:
            self._require_judged(version)
        if version.endpoint != name:
            # Recorded before it is created, so that no endpoint exists that the ledger does not know of.
            version = self.ledger.change_version(version, endpoint=name)
        role = self.roles + version.model
        if isinstance(where, InLambda):  # the host loads versions on request
            self.endpoints.ensure_model(version, role)  # batch transforms use it
            return {"name": name, "status": "InService"}
        status = self.endpoints.ensure(where, version, role)
        if status.status not in ("Creating", *_SERVING):
            raise ModelFailedError(
                f"endpoint {name} is {status.status}: {status.reason or 'no reason given'}"
            )
        # Scaling is registered with an endpoint that is not being changed; the next look does it.
        ready = status.status == "InService" or (isinstance(where, Serverless) and status.status in _SERVING)
        if ready:
            return {"name": name, "status": "InService"}
        waited = 0 if before is None else before.get("waited_seconds", 0)
        wait = pause(waited, self.poll_seconds)
        return {
            "name": name,
            "status": "Creating",
            "wait_seconds": wait,
            "waited_seconds": waited + wait,
        }

    def _require_host(self, version: Version) -> None:
        if not has_host(self.catalog.spec(version.model).hosting):
            raise ModelFailedError(
                f"version {version.version} of {version.model} runs in Lambda, and the model has no host any more: say "
                "keeps_host=True in the hosting of its spec and deploy the stage"
            )

    def _require_judged(self, version: Version) -> None:
        """Raise `ArtifactError` if the artifact has changed since it was judged; called before anything can load it."""
        if not version.artifact_sha256:
            raise ArtifactError(
                f"nobody wrote down what was judged of version {version.version} of {version.model}, which is older than "
                "that: it is not deployed again; retrain"
            )
        given = self.storage.stream(*s3_keys.parse_uri(version.artifact)).sha256()
        if given != version.artifact_sha256:
            raise ArtifactError(
                f"{version.artifact} was changed since it was judged: it has SHA-256 {given}, and had "
                f"{version.artifact_sha256}; it is not deployed. Look who changed it, then retrain"
            )

    def _name(self, where: Hosting, version: Version) -> str:
        in_lambda = isinstance(where, InLambda)
        return resources.place(self.stage, version.model, version.version, in_lambda=in_lambda).name

    def _hosting(self, version: Version) -> Hosting:
        """Return the hosting that the version was registered with; its spec's if none was recorded."""
        return (
            hosting.from_dict(version.hosting)
            if version.hosting
            else self.catalog.spec(version.model).hosting
        )
