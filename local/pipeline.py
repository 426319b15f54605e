"""The story of one model that has a generator of raw data: new tables, features, reports, an answer.

The generator is ``generate.py`` in the model's folder, run as a process. A model without one is shown as it is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.ledger import metrics_of
from local.settings import ROOT
from local.teller import StoryError

if TYPE_CHECKING:
    from local.teller import Item, Teller

ENTITIES, SEED = 1200, 1
"""The seed data of churn are the first 300 of the same: everyone whom the model knew is there again."""
_SHOWN = 10


def tell(teller: Teller, model: str) -> None:
    """Give a model new raw data, and show what becomes of it and what it then answers.

    Parameters
    ----------
    teller : Teller
        Of a cloud in which the model serves.
    model : str
        Its name.

    Raises
    ------
    StoryError
        When a step fails.
    """
    if (ROOT / "training" / "models" / model / "generate.py").is_file():
        _upload_tables(teller, model)
    about = teller.get(f"/v1/models/{model}")
    run = teller.run_of(model, int(about["version"]))
    _show_report(teller, model, run)
    _ask(teller, about, run)
    teller.console.done(
        f"version {about['version']} of {model} answers: {teller.api_url}/v1/models/{model}/predict"
    )


def _upload_tables(teller: Teller, model: str) -> None:
    with tempfile.TemporaryDirectory(prefix="tables-") as folder:
        _generate(model, Path(folder))
        files = sorted(Path(folder).glob("*.csv"), key=lambda file: file.stat().st_size, reverse=True)
        teller.console.step(f"new data of {model}: {', '.join(file.stem for file in files)}, all made up")
        # Under the names of the seeds, whose place they take.
        sent = [teller.put(f"incoming/{model}/{file.stem}/seed.csv", file) for file in files]

    def trained() -> bool:
        found = [item for item in teller.items(model, "UPLOAD#") if item["version_id"] in sent]
        at_rest = not teller.items(model, "LOCK")
        return at_rest and len(found) == len(sent) and all(item["state"] == "TRAINED" for item in found)

    teller.follow(trained, lambda: f"a run with the new data of {model}")


def _generate(model: str, folder: Path) -> None:
    command = [sys.executable, "-m", f"training.models.{model}.generate", "--out", str(folder)]
    command += ["--customers", str(ENTITIES), "--seed", str(SEED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StoryError(f"the data of {model} can not be made: {done.stderr.strip()}")


def _show_report(teller: Teller, model: str, run: Item) -> None:
    """Print what the run of a version made of its data, what it measured, and where all of it is to be read."""
    prefix = f"reports/{model}/{run['run_id']}/"
    report = json.loads(teller.read(f"{prefix}report.json"))
    teller.console.step(f"what run {run['run_id']} made of it")
    for table, counts in report["tables"].items():
        rows, uploads = counts["rows"], counts["shards"]
        teller.console.detail(
            f"table {table}: {rows:,} {'row' if rows == 1 else 'rows'} of {uploads:,} {'upload' if uploads == 1 else 'uploads'}"
        )
    if features := report.get("features"):
        teller.console.detail(f"features: {features['rows']} rows, SHA-256 {features['sha256']}")
    for name, value in sorted(metrics_of(run, "metrics").items()):
        teller.console.detail(f"{name:24} {value:.4f}")
    for key in teller.keys(prefix):
        teller.console.detail(f"s3://{teller.lake}/{key}")


def _ask(teller: Teller, about: Item, run: Item) -> None:
    """Ask about one entity, whose features the pipeline made; the API looks them up where it can."""
    model = about["name"]
    key = f"features/{model}/online/{run['run_id']}.jsonl"
    if key not in teller.keys(key):
        teller.predict(model)
        return
    known = json.loads(teller.read(key).splitlines()[0])
    teller.console.step("features of one entity, as the run made them")
    for name, value in list(known.items())[:_SHOWN]:
        teller.console.detail(f"{name:24} {value}")
    instance = _instance(about, known)
    teller.console.step(f"POST /v1/models/{model}/predict with {json.dumps(instance)}")
    teller.show(teller.get(f"/v1/models/{model}/predict", {"instances": [instance]}))


def _instance(about: Item, known: dict[str, Any]) -> dict[str, Any]:
    """Give the entity's name alone where the API looks features up by it, else the features themselves."""
    if lookup := about.get("lookup"):
        return {lookup["column"]: known[lookup["column"]]}
    return {name: value for name, value in known.items() if name != "as_of"}
