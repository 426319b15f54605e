"""Sets a stage up with its models' first data, and tears it down so that nothing is left that costs money."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.online_features import Online
from lambdas.aws.executions import Executions
from lambdas.aws.s3.storage import Storage
from lambdas.aws.sagemaker.endpoints import Endpoints
from lambdas.aws.sagemaker.registry import Registry
from lambdas.aws.sagemaker.transforms import Transforms
from lambdas.runs.lifecycle import TEARDOWN, Runs
from lambdas.runtime.catalog import Catalog
from relearn.errors import ConflictError, NotFoundError
from relearn.lifecycle import runs
from relearn.lifecycle.runs import RunState
from relearn.lifecycle.uploads import UploadState
from relearn.naming import resources, s3_keys
from relearn.traffic.route import Change, Route
from relearn.traffic.route_changes import RestoreState

_POLL_SECONDS = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """Uploads the seed data of every model that has no data, as any other upload.

    Parameters
    ----------
    ledger, storage
        Adapters.
    runs
        Starts runs.
    catalog
        Specs and seeds of all models.
    bucket
        Name of the uploads bucket.
    """

    ledger: Ledger
    storage: Storage
    runs: Runs
    catalog: Catalog
    bucket: str

    def run(self) -> list[str]:
        """Prepare every model; idempotent.

        Returns
        -------
        list of str
            The models whose seeds were uploaded.
        """
        return [model for model in self.catalog.specs if self._prepare(model)]

    def require_hosts(self, models: Iterable[str], hosts: Collection[str]) -> None:
        """Refuse a stage in which a route names a version in Lambda of a model that has no host.

        Parameters
        ----------
        models
            Names of all models of the stage.
        hosts
            Names of those that have a host.

        Raises
        ------
        ConflictError
            There are such models; the message has each with its versions, and says what to declare.
        """
        lost = {model: found for model in models if model not in hosts and (found := self._in_lambda(model))}
        if lost:
            told = "; ".join(
                f"{model} (version {', '.join(map(str, numbers))})" for model, numbers in lost.items()
            )
            raise ConflictError(
                f"these models would lose the host that their versions run in: {told}. Say keeps_host=True in the "
                "hosting of their specs, until no route names such a version"
            )

    def _in_lambda(self, model: str) -> list[int]:
        """Return the versions that a model's route names and that run in Lambda."""
        named = sorted(self.ledger.route(model).named)
        found = (self.ledger.version(model, number) for number in named)
        return [version.version for version in found if version is not None and version.in_lambda]

    def _prepare(self, model: str) -> bool:
        self.ledger.release_lock(model, TEARDOWN)
        uploads = self.ledger.uploads(model)
        if lacking := self._lacking_seeds(model, {upload.key for upload in uploads}):
            for key, seed in lacking.items():
                self.storage.write(self.bucket, key, seed.read_bytes(), "text/csv")
            return True
        usable = [u for u in uploads if u.state in (UploadState.ACCEPTED, UploadState.TRAINED)]
        if usable and not self.ledger.route(model).champion:
            self.runs.start(model, usable)  # data of a deleted stage: train on it again
        return False

    def _lacking_seeds(self, model: str, known: set[str]) -> dict[str, Path]:
        """Return the seeds to upload, by key: all, or the rest after an interrupted call; none beside other data."""
        seeds = {
            f"{s3_keys.incoming_prefix(model, table)}seed.csv": seed
            for table, seed in self.catalog.seeds(model).items()
        }
        if known - seeds.keys():
            return {}
        lacking = {
            key: seed
            for key, seed in seeds.items()
            if key not in known and not self.storage.has_any(self.bucket, key)
        }
        if lacking.keys() == seeds.keys() and self.storage.has_any(
            self.bucket, s3_keys.incoming_prefix(model)
        ):
            return {}  # the owner's first objects, with their events on the way
        return lacking


@dataclass(frozen=True, kw_only=True, slots=True)
class Teardown:
    """Removes everything that runs created; data and the ledger's history stay.

    Parameters
    ----------
    ledger, executions, transforms, endpoints, online, registry
        Adapters.
    restores
        Executions that deploy versions again.
    models
        Names of the models.
    stage
        Name of the stage, part of the resources' names.
    sleep
        Sleeps for a number of seconds.
    """

    ledger: Ledger
    executions: Executions
    restores: Executions
    transforms: Transforms
    endpoints: Endpoints
    online: Online
    registry: Registry
    models: Collection[str]
    stage: str
    sleep: Callable[[float], None] = time.sleep

    def run(self, seconds: float) -> None:
        """Remove everything that runs created, of all models; idempotent.

        Parameters
        ----------
        seconds
            Time limit, in seconds.

        Raises
        ------
        ConflictError
            An endpoint still exists.
        TimeoutError
            Executions still run, or online features still exist.
        """
        deadline = time.monotonic() + seconds
        for model in self.models:
            self._take(model)
        self._stop_executions(deadline)
        for name in list(self.transforms.running()):
            self.transforms.stop(name)
        for name in sorted({made.name for made in self.endpoints.all()}):
            self.endpoints.remove(name, max(deadline - time.monotonic(), 1))
        # All items, known or not: version numbers start again at 1.
        if not self.online.clear(lambda: deadline - time.monotonic()):
            raise TimeoutError("not all features are deleted yet; deleting the stack again goes on with them")
        for model in sorted({*self.models, *self.registry.models()}):
            self._unregister(model)
            self._forget(model)

    def told(self, model: str) -> dict[str, Any]:
        """Return what `remove` would remove of a model."""
        route = self.ledger.route(model)
        return {
            "serves": route.champion or None,
            "versions": [version.version for version in self.ledger.versions(model)],
            "endpoints": self._endpoints_of(model),
            "packages": len(list(self.registry.packages(model))),
            "deployed": model in self.models,
        }

    def remove(self, model: str, who: str, seconds: float) -> None:
        """Remove what runs created of one model; its data and the ledger's history stay. Idempotent.

        The model's lock stays taken, so that no run starts; the next deployment of the model releases it.

        Parameters
        ----------
        model
            Name of the model.
        who
            Name of the caller, for the route's history.
        seconds
            Time limit, in seconds.

        Raises
        ------
        ConflictError
            A run or a redeployment of the model is under way, or an endpoint still exists.
        TimeoutError
            Online features still exist.
        """
        deadline = time.monotonic() + seconds
        self._take_unless_busy(model)
        self._empty_route(model, Change("emptied", who, "the model is being removed"))
        for name in list(self.transforms.running()):
            found = resources.parse_transform_job(self.stage, name)
            if found is not None and found[0] == model:
                self.transforms.stop(name)
        for name in self._endpoints_of(model):
            self.endpoints.remove(name, max(deadline - time.monotonic(), 1))
        for version in self.ledger.versions(model):
            if not self.online.remove(model, version.version, lambda: deadline - time.monotonic()):
                raise TimeoutError("not all features are deleted yet; the same command goes on with them")
        self._unregister(model)
        self._forget_versions(model)

    def _unregister(self, model: str) -> None:
        for package in list(self.registry.packages(model)):
            self.registry.remove(package)
        self.registry.remove_group(model)

    def _endpoints_of(self, model: str) -> list[str]:
        pattern = re.compile(rf"{re.escape(resources.group(self.stage, model))}-v[0-9]+")
        return sorted({made.name for made in self.endpoints.all() if pattern.fullmatch(made.name)})

    def _take_unless_busy(self, model: str) -> None:
        restore = self.ledger.restore(model)
        if restore is not None and restore.state is RestoreState.RESTORING:
            raise ConflictError(f"version {restore.version} of {model} is being deployed again; wait for it")
        holder = self.ledger.take_lock(model, TEARDOWN)
        if holder.run_id != TEARDOWN:
            raise ConflictError(
                f"run {holder.run_id} of {model} is under way: wait for it (relearn wait {model} --run {holder.run_id})"
            )

    def _take(self, model: str) -> None:
        """Take the model's lock for good, so that no run starts during the teardown; fail the run that held it."""
        while (lock := self.ledger.lock(model)) is None or lock.run_id != TEARDOWN:
            try:
                self.ledger.replace_lock(model, lock, TEARDOWN)
            except ConflictError:
                continue
            if lock is not None:
                self._give_up(model, lock.run_id)

    def _give_up(self, model: str, run_id: str) -> None:
        try:
            run = self.ledger.run(model, run_id)
        except NotFoundError:
            return  # the run had not started yet
        if run.state not in runs.FINAL:
            self.ledger.move_run(run, RunState.FAILED, "the stage is being deleted")

    def _stop_executions(self, deadline: float) -> None:
        while running := [(one, arn) for one in (self.executions, self.restores) for arn in one.running()]:
            if time.monotonic() > deadline:
                found = ", ".join(arn for _, arn in running)
                raise TimeoutError(f"{len(running)} executions still run: {found}")
            for machine, arn in running:
                machine.stop(arn, "the stage is being deleted")
            self.sleep(_POLL_SECONDS)

    def _forget(self, model: str) -> None:
        """Empty the route and forget the versions: a new package group numbers versions from 1 again."""
        self._empty_route(model, Change("emptied", "the stage", "it is being deleted"))
        self._forget_versions(model)

    def _empty_route(self, model: str, change: Change) -> None:
        route = self.ledger.route(model)
        if route.named:
            self.ledger.write_route(model, route, Route(revision=route.revision + 1), {}, change)

    def _forget_versions(self, model: str) -> None:
        for version in self.ledger.versions(model):
            self.ledger.forget_version(version)
        _log.info("removed everything of a model", extra={"model": model})
