"""Gives a registered version an endpoint of its own; called again and again until it is in service."""

from __future__ import annotations

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.s3.storage import Storage
from lambdas.aws.sagemaker.endpoints import Endpoints
from lambdas.runtime.catalog import Catalog
from relearn.errors import ArtifactError, ModelFailedError, NotFoundError
from relearn.lifecycle.runs import Version
from relearn.naming import resources, s3_keys
from relearn.spec import hosting
from relearn.spec.hosting import Hosting, InLambda

_UNDER_WAY = ("Creating", "InService")


class Deployment:
    """Deploys versions: each gets an endpoint of its own.

    Parameters
    ----------
    ledger, endpoints, storage
        Adapters.
    catalog
        The models.
    stage
        Name of the stage.
    roles
        Prefix of the ARNs of the execution roles; the name of the model completes it.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        endpoints: Endpoints,
        storage: Storage,
        catalog: Catalog,
        stage: str,
        roles: str,
    ) -> None:
        self._ledger = ledger
        self._storage = storage
        self._endpoints = endpoints
        self._catalog = catalog
        self._stage = stage
        self._roles = roles

    def deploy(self, model: str, number: int) -> dict[str, str]:
        """Make the endpoint of a version unless it is there.

        Returns
        -------
        dict
            ``name`` and ``status`` (Creating or InService).

        Raises
        ------
        ModelFailedError
            The endpoint failed; says why.
        ArtifactError
            What lies in S3 is not what was judged.
        """
        version = self._ledger.version(model, number)
        if version is None:
            raise NotFoundError(f"version {number} of {model} is not in the ledger")
        where = self._hosting(version)
        name = self._name(where, version)
        if isinstance(where, InLambda) or self._endpoints.status(name) is None:
            self._require_judged(version)
        if version.endpoint != name:
            # Written down before it is made, so that nothing is made that nobody knows of.
            version = self._ledger.change_version(version, endpoint=name)
        role = self._roles + version.model
        if isinstance(where, InLambda):  # the function is there always, and holds what it is asked for
            self._endpoints.ensure_model(version, role)  # what a batch is scored with
            return {"name": name, "status": "InService"}
        status = self._endpoints.ensure(where, version, role)
        if status.status not in _UNDER_WAY:
            raise ModelFailedError(
                f"endpoint {name} is {status.status}: {status.reason or 'no reason given'}"
            )
        return {"name": name, "status": status.status}

    def _require_judged(self, version: Version) -> None:
        """Refuse an artifact that was changed since the judge saw it, before anything is made that would load it."""
        if not version.artifact_sha256:
            raise ArtifactError(
                f"nobody wrote down what was judged of version {version.version} of {version.model}, which is older than "
                "that: it is not deployed again; retrain"
            )
        given = self._storage.stream(*s3_keys.parse_uri(version.artifact)).sha256()
        if given != version.artifact_sha256:
            raise ArtifactError(
                f"{version.artifact} was changed since it was judged: it has SHA-256 {given}, and had "
                f"{version.artifact_sha256}; it is not deployed. Look who changed it, then retrain"
            )

    def _name(self, where: Hosting, version: Version) -> str:
        in_lambda = isinstance(where, InLambda)
        return resources.place(self._stage, version.model, version.version, in_lambda=in_lambda).name

    def _hosting(self, version: Version) -> Hosting:
        """Say where a version runs: where it was registered for, or, before that was written down, as its spec says."""
        return (
            hosting.from_dict(version.hosting)
            if version.hosting
            else self._catalog.spec(version.model).hosting
        )
