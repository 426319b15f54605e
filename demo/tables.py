"""The story of one model with a generator of raw data: new tables, features, reports, a prediction.

The generator is ``generate.py`` in the model's folder, run as a process. For a model without one only the
current version is shown.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from demo.errors import StoryError
from demo.narrator import Narrator
from relearn.figures import counted
from relearn.naming import s3_keys
from relearn_client import Model, Run

ROOT = Path(__file__).resolve().parent.parent
ENTITIES, SEED = 1200, 1
"""Number and seed of the generated entities.

The first 300 are those of churn's seed data, so all known ones are included.
"""
_SHOWN = 10


def tell(narrator: Narrator, model: str) -> None:
    """Upload new raw data of a model; show the resulting run and a prediction.

    Parameters
    ----------
    narrator
        Narrator of a stage on which the model serves.
    model
        Name of the model.

    Raises
    ------
    StoryError
        When a step fails.
    """
    if (ROOT / "training" / "models" / model / "generate.py").is_file():
        _upload_tables(narrator, model)
    about = narrator.stage.api.model(model)
    if about.version is None:
        raise StoryError(f"no version of {model} serves: {about.waiting_for}")
    run = narrator.run_of(model, about.version)
    _show_report(narrator, model, run)
    _ask(narrator, about, run)
    narrator.console.done(
        f"version {about.version} of {model} answers: {narrator.stage.api_url}/v1/models/{model}/predict"
    )


def _upload_tables(narrator: Narrator, model: str) -> None:
    with tempfile.TemporaryDirectory(prefix="tables-") as folder:
        _generate(model, Path(folder))
        files = sorted(Path(folder).glob("*.csv"), key=lambda file: file.stat().st_size, reverse=True)
        narrator.console.step(f"new data of {model}: {', '.join(file.stem for file in files)}, all made up")
        # Under the keys of the seed data, which they replace.
        sent = [narrator.upload(model, file, table=file.stem, name="seed.csv") for file in files]
    narrator.trained(model, sent)


def _generate(model: str, folder: Path) -> None:
    command = [sys.executable, "-m", f"training.models.{model}.generate", "--out", str(folder)]
    command += ["--customers", str(ENTITIES), "--seed", str(SEED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StoryError(f"the data of {model} cannot be made: {done.stderr.strip()}")


def _show_report(narrator: Narrator, model: str, run: Run) -> None:
    """Print a run's tables, features and metrics, and the URIs of its reports."""
    console, lake = narrator.console, narrator.stage.lake
    report = json.loads(narrator.read(s3_keys.report_key(model, run.run_id, "report.json")))
    console.step(f"what run {run.run_id} made of it")
    for table, counts in report["tables"].items():
        console.detail(
            f"table {table}: {counted(counts['rows'], 'row')} of {counted(counts['shards'], 'upload')}"
        )
    if features := report.get("features"):
        console.detail(f"features: {features['rows']} rows, SHA-256 {features['sha256']}")
    for name, value in sorted(run.metrics.items()):
        console.detail(f"{name:24} {value:.4f}")
    for key in _keys(narrator, s3_keys.report_key(model, run.run_id, "")):
        console.detail(s3_keys.uri(lake, key))


def _ask(narrator: Narrator, about: Model, run: Run) -> None:
    """Predict for one entity with the features of the run.

    The API looks them up where the model allows it.
    """
    model, console = about.name, narrator.console
    key = s3_keys.online_key(model, run.run_id)
    if key not in _keys(narrator, key):
        narrator.predict_sample(model)
        return
    known = json.loads(narrator.read(key).splitlines()[0])
    console.step("features of one entity, as the run made them")
    for name, value in list(known.items())[:_SHOWN]:
        console.detail(f"{name:24} {value}")
    instance = _instance(about, known)
    console.step(f"POST /v1/models/{model}/predict with {json.dumps(instance)}")
    narrator.show(narrator.stage.api.predict(model, [instance]))


def _instance(about: Model, known: dict[str, Any]) -> dict[str, Any]:
    """Return only the entity's id where the API looks up features by it, else the features themselves."""
    if about.lookup:
        column = about.lookup["column"]
        return {column: known[column]}
    return {name: value for name, value in known.items() if name != "as_of"}


def _keys(narrator: Narrator, prefix: str) -> list[str]:
    """Return the keys of the lake under a prefix, at most 1,000."""
    found = narrator.stage.s3.list_objects_v2(Bucket=narrator.stage.lake, Prefix=prefix)
    return [item["Key"] for item in found.get("Contents", [])]
