"""new-model and experiment, as far as they go without the SageMaker SDK."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.experiments import plan, summary
from cli.main import app
from cli.stage.ledger import Ledger
from cli.stage.target import Choice
from relearn.errors import RelearnError, SpecError
from relearn.lifecycle.uploads import UploadState
from relearn.naming import resources, s3_keys
from tests.support.cli_stage import REGION, CliStage
from training import catalog

SPEC = catalog.get("iris")
PARAMETER = SPEC.hyperparameters[0]


def test_a_new_model_is_a_folder_that_loads(tmp_path: Path) -> None:
    shutil.copytree(catalog.MODELS_DIR / "_template", tmp_path / "_template")
    result = CliRunner().invoke(app, ["new-model", "flowers", "--models-dir", str(tmp_path)])
    assert result.exit_code == 0
    assert catalog.get("flowers", tmp_path).name == "flowers"


def test_what_is_to_be_done_with_a_new_model_is_what_the_readme_says(tmp_path: Path) -> None:
    shutil.copytree(catalog.MODELS_DIR / "_template", tmp_path / "_template")
    told = CliRunner().invoke(app, ["new-model", "flowers", "--models-dir", str(tmp_path)]).stdout
    readme = (catalog.MODELS_DIR.parents[1] / "README.md").read_text()
    steps = [".venv/bin/python -m pytest tests/models -k flowers", "make openapi", "make run", "make deploy"]
    assert [(step in " ".join(told.split()), step in readme) for step in steps] == [(True, True)] * len(steps)


def test_a_new_model_with_tables_has_them_and_tests_of_its_own(tmp_path: Path) -> None:
    shutil.copytree(catalog.MODELS_DIR / "_template_tables", tmp_path / "_template_tables")
    result = CliRunner().invoke(app, ["new-model", "corner-shop", "--tables", "--models-dir", str(tmp_path)])
    assert result.exit_code == 0
    spec = catalog.get("corner-shop", tmp_path)
    assert spec.table_names == ("customers", "orders")
    assert all(seed.is_file() for seed in catalog.seeds(spec, tmp_path).values())
    (test,) = (tmp_path / "corner-shop" / "tests").glob("*.py")
    assert test.name == "test_corner_shop_features.py"
    assert "tests/" in result.stdout


@pytest.mark.parametrize("name", ["Flowers", "iris", "a--b", "1st"])
def test_a_name_that_is_wrong_or_taken_is_one_clear_line(name: str) -> None:
    result = CliRunner().invoke(app, ["new-model", name])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert name in result.stderr


def test_an_experiment_without_the_sdk_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.experiments.sagemaker_sdk.importlib.util.find_spec", lambda _: None)
    result = CliRunner().invoke(app, ["experiment", "iris"])
    assert result.exit_code == 1
    assert "requirements-sdk.txt" in result.stderr


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("depth=3", "depth"),
        (f"{PARAMETER.name}=much", "much"),
        (f"{PARAMETER.name}=1e9", "1e9"),
        (PARAMETER.name, "''"),
    ],
)
def test_a_hyperparameter_that_the_spec_does_not_allow_is_refused(setting: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        plan.parse_settings(SPEC, [setting])


def test_an_experiment_trains_on_what_the_loop_would_train_on_now(cli_stage: CliStage) -> None:
    uploads = [cli_stage.upload(name) for name in ("a", "b", "c")]
    for upload in uploads[:2]:
        cli_stage.ledger.move_upload(upload, UploadState.ACCEPTED)
    cli_stage.ledger.move_upload(uploads[2], UploadState.QUARANTINED, "empty")
    cli_stage.serve(1)
    target = Choice(stage="test", region=REGION, profile=None, local_file=None).target()
    made = plan.make_plan(
        target, Ledger(target), SPEC, {PARAMETER.name: 2.5}, datetime(2026, 5, 4, tzinfo=UTC)
    )
    assert set(made.snapshot) == {upload.upload_id for upload in uploads[:2]}
    assert made.hyperparameters[PARAMETER.name] == "2.5"
    assert made.hyperparameters["champion_version"] == "1"
    assert made.output_path == "s3://artifacts-bucket/experiments/iris"
    train, champion = made.channels
    bucket, key = s3_keys.parse_uri(train.uri)
    assert key.startswith("snapshots/iris/experiment-20260504t")
    listing = json.loads(cli_stage.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert listing == [
        {"prefix": "s3://lake-bucket/datasets/iris/"},
        *(f"main/{upload}.parquet" for upload in made.snapshot),
    ]
    assert (champion.kind, champion.uri) == ("S3Prefix", "s3://a/m.tar.gz")


def test_an_experiment_without_data_says_so(cli_stage: CliStage) -> None:
    del cli_stage  # a stage without uploads
    target = Choice(stage="test", region=REGION, profile=None, local_file=None).target()
    with pytest.raises(RelearnError, match="no accepted upload"):
        plan.make_plan(target, Ledger(target), SPEC, {}, datetime(2026, 5, 4, tzinfo=UTC))


def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("_", "."))
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_a_report_is_read_from_the_jobs_output() -> None:
    found, page = summary.extract_report(archive(report_json=b'{"model": "iris"}', report_html=b"<html>"))
    assert (found, page) == ({"model": "iris"}, b"<html>")


@pytest.mark.parametrize(
    "content",
    [b"", b"not a tar", archive(report_json=b"{}"), archive(report_json=b"{", report_html=b"")],
    # Named: a gzip holds the second it was made in, and processes of pytest-xdist must find the same names.
    ids=["empty", "not a tar", "no page", "broken json"],
)
def test_an_output_without_a_report_is_one_clear_error(content: bytes) -> None:
    with pytest.raises(RelearnError, match="the job's output"):
        summary.extract_report(content)


stages = st.from_regex(resources.STAGE_PATTERN, fullmatch=True)
models = st.from_regex(r"[a-z](-?[a-z0-9]){0,19}", fullmatch=True).filter(lambda name: len(name) <= 20)


@given(stage=stages, model=models)
def test_names_of_experiments_fit_what_sagemaker_allows(stage: str, model: str) -> None:
    assert len(resources.experiment_job(stage, model)) + len("-20260504100000") <= 63
    tuning = resources.tuning_job(stage, model)
    assert len(tuning) <= 32
    assert tuning.startswith(resources.prefix(stage))
