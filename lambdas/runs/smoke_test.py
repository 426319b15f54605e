"""Smoke-tests a deployed version before any traffic: the model's sample, the recorded answers, and those of its twin."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.s3.storage import Storage
from lambdas.runs import job_report
from lambdas.runtime.catalog import Catalog
from lambdas.serving.backends import Backends, parse_answer
from relearn.data import recorded_answers
from relearn.data.recorded_answers import RecordedAnswer
from relearn.errors import DataError, ModelFailedError, NotFoundError
from relearn.lifecycle.run_context import SmokeTested
from relearn.lifecycle.runs import Version
from relearn.naming import s3_keys
from relearn.naming.resources import Place
from relearn.spec.rollout import Limits
from relearn.traffic import answer_shift, version_stats

SECONDS = 65
"""Time limit of one request. SageMaker gives a container 60 s; a cold serverless endpoint may need most of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SmokeTest:
    """Smoke-tests versions.

    Parameters
    ----------
    ledger, storage
        Adapters.
    backends
        Invokes versions.
    catalog
        Specs and sample instances of all models.
    lake
        Name of the bucket with the reports of runs.
    """

    ledger: Ledger
    storage: Storage
    backends: Backends
    catalog: Catalog
    lake: str

    def run(self, model: str, version: int, place: Place) -> SmokeTested:
        """Send the sample and the recorded instances to a version, and check its answers.

        Returns
        -------
        SmokeTested
            ``predictions``: number of answers checked.

        Raises
        ------
        ModelFailedError
            An answer is malformed or an error, or differs from what the training job recorded; or the answers as a
            whole differ from those of the version's twin.
        NotServingError, TimeoutError, UnanswerableError
            There is no answer.
        DataError
            Code ``answers``: the recorded answers have changed since the judgement.
        NotFoundError
            The ledger has no such version.
        """
        asked = len(self._ask(model, version, place, self.catalog.samples[model]))
        known = self._recorded(model, version)
        if known:
            given = self._ask(model, version, place, [one.instance for one in known])
            if wrong := recorded_answers.difference([one.prediction for one in known], given):
                raise ModelFailedError(f"version {version} of {model} at {place.name}: {wrong}")
            self._hold_against_twin(model, version, known, given)
        return {"predictions": asked + len(known)}

    def _hold_against_twin(
        self, model: str, number: int, known: Sequence[RecordedAnswer], given: Sequence[Mapping[str, Any]]
    ) -> None:
        """Refuse a model fitted again on all rows whose answers differ from those of the model that was judged."""
        twin = [one.twin for one in known if one.twin is not None]
        if not twin:
            return
        version = self._version(model, number)
        key = s3_keys.report_key(model, version.run_id, job_report.JSON)
        report = json.loads(self.storage.read(self.lake, key, job_report.LARGEST_FILE))
        mine, theirs = (version_stats.counted(answers, 0.0) for answers in (given, twin))
        if moved := answer_shift.shifted(mine, theirs, Limits(), dict(report.get("baseline") or {})):
            raise ModelFailedError(
                f"version {number} of {model}: against its twin, which was judged, {moved}"
            )

    def _ask(
        self, model: str, version: int, place: Place, instances: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        body = json.dumps({"instances": instances}).encode()
        reply = self.backends.ask(place, model, version, body, SECONDS)
        return parse_answer(self.catalog.spec(model), version, len(instances), reply.body)

    def _recorded(self, model: str, number: int) -> list[RecordedAnswer]:
        """Return the training job's recorded answers, checked against their digest; empty when it has none."""
        version = self._version(model, number)
        if not version.answers_sha256:
            return []
        key = s3_keys.report_key(model, version.run_id, job_report.ANSWERS)
        content = self.storage.read(self.lake, key, job_report.LARGEST_FILE)
        if (given := hashlib.sha256(content).hexdigest()) != version.answers_sha256:
            raise DataError(
                "answers", f"{key} has SHA-256 {given}; when it was judged it had {version.answers_sha256}"
            )
        return RecordedAnswer.parse_lines(content.splitlines())

    def _version(self, model: str, number: int) -> Version:
        version = self.ledger.version(model, number)
        if version is None:
            raise NotFoundError(f"version {number} of {model} is not in the ledger")
        return version
