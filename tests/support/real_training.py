"""Training jobs of a `World` that are no simulation: the container's own code, on the stage's shards and artifacts."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from relearn.naming import s3_keys
from scoring import artifact
from scoring.app import App
from scoring.container import Container
from tests.support.world import ARTIFACTS, LAKE, World, tar_gz
from training.job import train


@dataclass
class RealTraining:
    """Runs the training jobs of a world, and answers for the versions that they made.

    Parameters
    ----------
    world
        The stage; its training jobs and its containers are replaced.
    folder
        Empty folder for the jobs.
    """

    world: World
    folder: Path
    boxes: dict[str, Container] = field(default_factory=dict)
    """The container of each job, by the id of its run."""

    def __post_init__(self) -> None:
        self.world.train = self.train  # type: ignore[method-assign]
        self.world.sagemaker.brain = self.answer

    def train(self, context: Mapping[str, Any], **_lies: Any) -> str:
        """Run a training job as SageMaker does; return the S3 URI of its artifact."""
        told = context["hyperparameters"]
        model, run_id = told["model"], told["run_id"]
        box = self.boxes[run_id] = Container(self.folder / context["job_name"])
        _write(box.root / "input/config/hyperparameters.json", json.dumps(told).encode())
        first, *shards = self.world.read_json(LAKE, s3_keys.snapshot_key(model, run_id))
        for shard in shards:
            _write(box.train_data / shard, self._read(first["prefix"] + shard))
        for name, path in (("champion", box.champion), ("reference", box.reference)):
            if f"{name}_version" in told:
                version = self.world.ledger.version(model, int(told[f"{name}_version"]))
                assert version is not None
                _write(path, self._read(version.artifact))
        assert train.main(box) == 0, (box.root / "output/failure").read_text(encoding="utf-8")
        place = f"{s3_keys.artifact_prefix(model)}/{context['job_name']}/output/"
        for name, made in (("model", box.model), ("output", box.output)):
            files = {path.name: path.read_bytes() for path in sorted(made.iterdir())}
            self.world.s3.put_object(Bucket=ARTIFACTS, Key=f"{place}{name}.tar.gz", Body=tar_gz(files))
        return s3_keys.uri(ARTIFACTS, f"{place}model.tar.gz")

    def answer(self, endpoint: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Answer an invocation as the container of a version does."""
        model, number = endpoint.removeprefix("relearn-test-").rsplit("-v", 1)
        served = artifact.load(self.box(model, int(number)).model)
        status, answer = App(served, int(number)).invocation(json.dumps(body).encode())
        return status, json.loads(answer)

    def box(self, model: str, number: int) -> Container:
        """Return the container of the job that made a version."""
        version = self.world.ledger.version(model, number)
        assert version is not None
        return self.boxes[version.run_id]

    def files(self, model: str, number: int) -> set[str]:
        """Return the names of the files in a version's artifact, as S3 has it."""
        version = self.world.ledger.version(model, number)
        assert version is not None
        with tarfile.open(fileobj=io.BytesIO(self._read(version.artifact))) as tar:
            return set(tar.getnames())

    def _read(self, uri: str) -> bytes:
        bucket, key = s3_keys.parse_uri(uri)
        content: bytes = self.world.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
