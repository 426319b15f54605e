from __future__ import annotations

import gzip
import hashlib
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from infra.api import site
from infra.base import bytecode, staging
from infra.base.functions import RUNTIME
from relearn.errors import ConfigError
from relearn.spec import codec
from tests.infra.conftest import DIGEST
from tests.infra.synthesis import Synthesised, listed, statements, text
from training import catalog

LAMBDA_LIMIT_BYTES = 250 * 1024 * 1024
LAMBDA_ANSWER_BYTES = 6 * 1024 * 1024


@pytest.fixture
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(staging, "STAGED", tmp_path / "staged")
    return tmp_path / "staged"


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_same_files_are_staged_once(staged: Path) -> None:
    content = {"a/b.py": b"1", "c.py": b"2"}
    first = staging.stage("x", content)
    assert staging.stage("x", dict(reversed(content.items()))) == first
    assert files(first) == content
    assert list(staged.iterdir()) == [first]


@pytest.mark.parametrize("other", [{"a": b"2"}, {"b": b"1"}, {"a": b"1", "b": b""}])
def test_other_files_are_staged_elsewhere(staged: Path, other: dict[str, bytes]) -> None:
    assert staging.stage("x", other) != staging.stage("x", {"a": b"1"})
    assert len(list(staged.iterdir())) == 2


def test_a_synth_that_lost_the_race_takes_what_the_other_wrote(
    staged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tempfile.mkdtemp

    def another_synth_finishes_meanwhile(**where: Any) -> str:
        draft: str = real(**where)
        monkeypatch.setattr(tempfile, "mkdtemp", real)
        staging.stage("x", {"a": b"1"})
        return draft

    monkeypatch.setattr(tempfile, "mkdtemp", another_synth_finishes_meanwhile)
    mine = staging.stage("x", {"a": b"1"})
    assert files(mine) == {"a": b"1"}
    assert list(staged.iterdir()) == [mine]


def test_the_lambda_code_holds_what_the_functions_import_and_nothing_else(dev: Synthesised) -> None:
    found = files(dev.asset("lambdas/data/catalog.json"))
    assert {path.split("/")[0] for path in found} == {"relearn", "lambdas", "preparation", "scoring", "pages"}
    rooms = ("preparation", "scoring", "pages")
    assert {p for p in found if p.startswith(rooms) and not p.endswith(".pyc")} == {
        path for path, _ in staging.files(*rooms)
    }
    compiled = {path for path in found if path.endswith(".pyc")}
    assert compiled == set(bytecode.of(found, RUNTIME.name))


def test_the_lambda_code_carries_every_model_as_data(dev: Synthesised) -> None:
    folder = dev.asset("lambdas/data/catalog.json") / "lambdas" / "data"
    models = json.loads((folder / "catalog.json").read_text())["models"]
    assert set(models) == set(catalog.load())
    for name, spec in catalog.load().items():
        assert codec.from_dict(models[name]["spec"]) == spec
        assert models[name]["sample"] == catalog.sample(name)
        for table, seed in catalog.seeds(spec).items():
            assert (folder / "seeds" / name / f"{table}.csv").read_bytes() == seed.read_bytes()


def test_the_image_is_built_from_the_domain_and_the_training_code_alone(dev: Synthesised) -> None:
    folder = dev.asset("training/Dockerfile")
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == {
        "relearn",
        "preparation",
        "scoring",
        "pages",
        "training",
    }
    assert not list(folder.rglob("__pycache__"))


def test_the_image_tag_names_the_staged_folder(dev: Synthesised) -> None:
    manifest = json.loads((dev.folder / "Training.assets.json").read_text())
    (image,) = manifest["dockerImages"].values()
    (destination,) = image["destinations"].values()
    assert dev.folder / f"asset.{destination['imageTag']}" == dev.asset("training/Dockerfile")
    assert image["source"]["dockerFile"] == "training/Dockerfile"


def test_the_image_has_a_manifest_that_sagemaker_takes(dev: Synthesised) -> None:
    # aws/amazon-sagemaker-feedback#180: CreateModel refuses OCI manifests, and attestations exist only in those
    (image,) = json.loads((dev.folder / "Training.assets.json").read_text())["dockerImages"].values()
    assert image["source"]["dockerOutputs"] == ["type=image,oci-mediatypes=false"]
    makefile = (staging.ROOT / "Makefile").read_text()
    assert re.search("^export BUILDX_NO_DEFAULT_ATTESTATIONS := 1$", makefile, re.MULTILINE)


def test_an_image_that_was_pushed_is_named_by_its_digest_and_not_built(pushed: Synthesised) -> None:
    assert not any(
        json.loads(path.read_text())["dockerImages"] for path in pushed.folder.glob("*.assets.json")
    )
    # The repository that `cdk bootstrap` made in the stage's own account and region, whichever these are.
    uri = (
        "<AWS::AccountId>.dkr.ecr.<AWS::Region>.<AWS::URLSuffix>/"
        f"cdk-hnb659fds-container-assets-<AWS::AccountId>-<AWS::Region>@{DIGEST}"
    )
    assert text(pushed.templates["Training"]["Outputs"]["TrainingImage"]["Value"]) == uri
    assert text(pushed.function("register")["Environment"]["Variables"]["TRAINING_IMAGE"]) == uri
    machine = text(pushed.machine("retrain")["DefinitionString"])
    assert machine.count(f"@{DIGEST}") == 1


def test_the_roles_of_jobs_and_endpoints_may_pull_a_pushed_image_from_its_repository_alone(
    pushed: Synthesised, dev: Synthesised
) -> None:
    def pulls(stage: Synthesised) -> dict[str, str]:
        return {
            role: text(statement["Resource"])
            for role, statement in statements(stage)
            if "ecr:BatchGetImage" in listed(statement["Action"])
        }

    repository = (
        "arn:<AWS::Partition>:ecr:<AWS::Region>:<AWS::AccountId>:repository/"
        "cdk-hnb659fds-container-assets-<AWS::AccountId>-<AWS::Region>"
    )
    assert set(pulls(pushed).values()) == {repository}
    assert pulls(pushed).items() <= pulls(dev).items()


@pytest.mark.parametrize("library", ["duckdb", "onnxruntime"])
def test_the_code_fits_into_lambda_with_its_layer(dev: Synthesised, library: str) -> None:
    layer = dev.asset(f"python/{library}")
    assert size(layer) + size(dev.asset("lambdas/data/catalog.json")) < LAMBDA_LIMIT_BYTES


def test_a_missing_layer_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(staging, "LAYERS", tmp_path)
    with pytest.raises(ConfigError, match="make install"):
        staging.layer("onnx")


def test_another_seed_is_another_digest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    specs = catalog.load()
    before = staging.seeds_digest(specs)
    (tmp_path / "seed.csv").write_text("other")
    monkeypatch.setattr(catalog, "seeds", lambda _spec: {"main": tmp_path / "seed.csv"})
    assert staging.seeds_digest(specs) != before


def test_the_docs_function_carries_the_page_and_no_models_data(dev: Synthesised) -> None:
    found = set(files(dev.asset("lambdas/data/site")))
    assert {path.split("/")[0] for path in found} == {"relearn", "lambdas"}
    data = {path.removeprefix("lambdas/data/") for path in found if path.startswith("lambdas/data/")}
    assert {"site/index.html.gz", "site/openapi.json.gz"} <= data
    assert all(path.startswith("site/") for path in data)


def test_no_file_of_the_page_is_too_large_for_an_answer(dev: Synthesised) -> None:
    folder = dev.asset("lambdas/data/site") / "lambdas" / "data" / "site"
    for path in folder.iterdir():
        assert len(gzip.decompress(path.read_bytes())) * 4 / 3 < LAMBDA_ANSWER_BYTES


def test_the_page_loads_only_our_own_files_named_by_content() -> None:
    pages = site.pages(catalog.load(), "iam")
    loaded = set(re.findall(r'(?:src|href)="([^"]+)"', gzip.decompress(pages["index.html"]).decode()))
    assert len(loaded) == 6
    for path in loaded - {"openapi.json"}:
        content = gzip.decompress(pages[path.removeprefix("docs/")])
        assert hashlib.sha256(content).hexdigest()[:12] in path


def test_a_missing_page_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(site, "SWAGGER", tmp_path / "nothing")
    with pytest.raises(ConfigError, match="make install"):
        site.pages(catalog.load(), "iam")
