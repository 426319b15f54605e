from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from relearn.errors import NotFoundError, RelearnError, SpecError
from relearn.naming import sandbox
from training import catalog
from training.scaffold import new_model

ROOT = Path(__file__).resolve().parents[3]
SPEC = """
from relearn.spec.model import Metric, ModelSpec, Number
SPEC = ModelSpec(
    name={name!r}, title="T", columns=(Number("a"),), target=Number("y"), metric=Metric("r2", minimum={minimum})
)
"""


def write(models: Path, folder: str, text: str) -> None:
    (models / folder).mkdir()
    (models / folder / "spec.py").write_text(text, encoding="utf-8")


def test_models_are_found_by_their_folders_in_order(tmp_path: Path) -> None:
    for name in ("zebra", "a-b", "_template", ".hidden"):
        write(tmp_path, name, SPEC.format(name=name, minimum=0.5))
    (tmp_path / "empty").mkdir()
    assert list(catalog.load(tmp_path)) == ["a-b", "zebra"]


def test_finding_models_loads_no_ml_library() -> None:
    script = "import sys; from training import catalog; catalog.load(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=600
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"duckdb", "numpy", "onnx", "onnxruntime", "pandas", "scipy", "sklearn"}


def test_a_broken_spec_is_named_with_its_file_field_value_and_what_is_allowed(tmp_path: Path) -> None:
    write(tmp_path, "m", SPEC.format(name="m", minimum="'high'"))
    with pytest.raises(SpecError) as raised:
        catalog.load(tmp_path)
    assert str(raised.value) == (
        "spec field 'm/spec.py: metric.minimum': got 'high'; allowed: a finite number, the worst that may serve"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SPEC = 1", "m/spec.py: SPEC"),
        ("", "m/spec.py: SPEC"),
        ("import nowhere", "ModuleNotFoundError"),
        ("def", "SyntaxError"),
        (SPEC.format(name="other", minimum=0.5), "the name of its folder, m"),
    ],
)
def test_a_file_that_gives_no_spec_of_its_folder_is_named(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, "m", text)
    with pytest.raises(SpecError, match=r"m/spec\.py") as raised:
        catalog.load(tmp_path)
    assert message in str(raised.value)


@pytest.mark.parametrize("name", ["tulip", "_template", "../iris", "", None, 3])
def test_a_model_that_is_not_there_is_answered_with_those_that_are(name: object) -> None:
    with pytest.raises(NotFoundError, match="there are: churn, diabetes, iris, products, tickets"):
        catalog.get(name)


def test_a_missing_file_of_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(RelearnError, match=r"m/model\.py is missing"):
        catalog.load_module(tmp_path / "m" / "model.py")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "_template").symlink_to(catalog.MODELS_DIR / "_template")
    return tmp_path


def test_a_new_model_is_the_template_under_its_own_name(models: Path) -> None:
    folder = new_model("late-parcels", models)
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "__init__.py", "model.py", "sample.json", "seed.csv", "spec.py",
    }  # fmt: skip
    assert not [
        path.name for path in folder.iterdir() if "template-model" in path.read_text(encoding="utf-8")
    ]
    assert list(catalog.load(models)) == ["late-parcels"]


@pytest.mark.parametrize("name", ["Late", "late_parcels", "x" * 21, "", "../up", "9lives", "a--b"])
def test_a_name_that_no_model_can_have_is_refused(models: Path, name: str) -> None:
    with pytest.raises(SpecError, match="spec field 'name'"):
        new_model(name, models)
    assert [path.name for path in models.iterdir()] == ["_template"]


def test_a_folder_that_is_there_is_left_alone(models: Path) -> None:
    new_model("mine", models).joinpath("spec.py").write_text("precious", encoding="utf-8")
    with pytest.raises(SpecError, match="there already"):
        new_model("mine", models)
    assert (models / "mine" / "spec.py").read_text(encoding="utf-8") == "precious"


def test_sandbox_models_are_in_no_list_of_models_and_are_found_by_name() -> None:
    assert list(catalog.load_sandbox()) == list(sandbox.MODELS)
    assert not set(sandbox.MODELS) & set(catalog.load())
    for name in sandbox.MODELS:
        assert catalog.get(name) == catalog.load_sandbox()[name]
        assert catalog.folder(name).is_dir()
        assert catalog.sample(name)


def test_a_sandbox_model_has_no_data_that_a_deployment_would_train_it_on() -> None:
    assert [catalog.seeds(spec) for spec in catalog.load_sandbox().values()] == [{}, {}]


def test_a_model_with_the_name_of_a_sandbox_model_is_refused(models: Path) -> None:
    with pytest.raises(SpecError, match="a name other than verify, verifyendpoint"):
        new_model("verify", models)
    write(models, "verify", SPEC.format(name="verify", minimum=0.5))
    with pytest.raises(SpecError, match=r"verify/spec\.py: name.*relearn verify has these"):
        catalog.load(models)
