"""The story of README.md: what it tells is what its jobs find, on the files that its uploads have."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from demo import evidence, preflight
from preparation import prepare
from relearn.lifecycle.comparison import Comparison
from scoring import artifact
from scoring.app import App
from scoring.container import Container
from tests.support.training_kit import packed
from training import catalog
from training.job import train

ROOT = Path(__file__).parents[3]
MODEL = preflight.UPLOAD.parent.name
SEED = catalog.MODELS_DIR / MODEL / "seed.csv"
ENGLISH = (
    r"first (\d+) of (\d+) real patients.*on the same (\d+) patients.*\(RMSE\) is ([\d.]+), "
    r"that of version 1 is ([\d.]+)\..*With\s+(\d+) more by cross-validation.*by at least ([\d.]+) \(95 % sure\)"
)
JAPANESE = (
    r"実在の患者 (?=\d+ 人のうち最初の (\d+))(\d+) 人.*同じ (\d+) 人の患者.*RMSE.は ([\d.]+)、バージョン 1 は "
    r"([\d.]+) です。.*交差検証の (\d+) 人.*少なくとも ([\d.]+) 改善"
)


def trained(base: Path, files: list[Path], champion: Container | None = None) -> Container:
    """Train on files as ingest accepts them; the last of several is on trial."""
    spec, ids = catalog.get(MODEL), "abc"
    data = base / "input" / "data" / "train"
    data.mkdir(parents=True)
    for upload, file in zip(ids, files, strict=False):
        accepted = prepare(spec, file, file.name, base / upload)
        assert accepted.shard is not None
        shutil.copy(accepted.shard, data / f"{upload}.parquet")
    told = {"model": MODEL, "run_id": "r1"}
    box = Container(base)
    if champion is not None:
        told |= {"champion_version": "1", "on_trial": ids[len(files) - 1]}
        packed(champion.model, box.champion)
    (base / "input" / "config").mkdir()
    (base / "input" / "config" / "hyperparameters.json").write_text(json.dumps(told))
    assert train.main(box) == 0
    return box


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Container:
    """The job of version 2, after that of version 1."""
    first = trained(tmp_path_factory.mktemp("first"), [SEED])
    return trained(tmp_path_factory.mktemp("second"), [SEED, preflight.UPLOAD], first)


@pytest.fixture(scope="module")
def report(second: Container) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((second.output / "report.json").read_text())
    return found


def test_the_second_version_is_surely_better(report: dict[str, Any]) -> None:
    found = Comparison.from_report(report["champion"])
    assert found is not None
    spec = catalog.get(MODEL)
    assert found.verdict(spec.metric.tolerated(report["champion"]["metrics"][spec.metric.name])) == "better"


@pytest.mark.parametrize(
    ("name", "pattern"), [("README.md", ENGLISH), ("README.ja.md", JAPANESE)], ids=["english", "japanese"]
)
def test_the_readmes_tell_the_figures_of_the_jobs(report: dict[str, Any], name: str, pattern: str) -> None:
    told = re.search(pattern, (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
    assert told is not None
    seed, rest = (len(file.read_text().splitlines()) - 1 for file in (SEED, preflight.UPLOAD))
    metric, champion = report["metric"], report["champion"]
    mine, theirs = (one["metrics"][metric] for one in (report["candidate"], champion))
    found = champion["comparison"]
    assert [*told.groups()] == [
        str(seed), str(seed + rest), str(report["rows"]["holdout"]), f"{mine:.1f}", f"{theirs:.1f}",
        str(found["crossed"]), f"{found['low']:.1f}",
    ]  # fmt: skip


def test_the_readme_shows_the_answer_of_the_second_version(second: Container) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    asked = re.search(r"-d '(\{.*?\})'", page, re.DOTALL)
    shown = re.search(r"```json\n(.*?)\n```", page, re.DOTALL)
    assert asked is not None
    assert shown is not None
    answer, told = App(artifact.load(second.model), 2).answer(asked[1].encode()), json.loads(shown[1])
    assert (told["model"], told["version"]) == (answer["model"], answer["version"])
    assert told["predictions"][0]["value"] == pytest.approx(answer["predictions"][0]["value"], abs=1e-3)


def test_a_sure_lead_is_told_with_what_is_sure_of_it(report: dict[str, Any]) -> None:
    assert evidence.of_report(report, 2) == (
        "this is hardly luck: on 105 rows that neither has learnt, and 263 by cross-validation, version 2 is better than "
        "version 1 by 5 in rmse, and by at least 2.9 (95% sure)"
    )


def test_a_lead_that_may_be_luck_is_told_with_its_bounds(report: dict[str, Any]) -> None:
    unsure = report["champion"]["comparison"] | {"low": -0.5}
    told = evidence.of_report(report | {"champion": report["champion"] | {"comparison": unsure}}, 2)
    assert told.startswith(
        "this may be luck: on 105 rows that neither has learnt, and 263 by cross-validation, the lead of version 2 over version 1"
    )
    assert told.endswith("lies between -0.5 and 7.2 (each bound 95% sure)")


def test_a_version_that_was_compared_with_none_has_nothing_to_be_sure_of(report: dict[str, Any]) -> None:
    assert evidence.of_report(report | {"champion": None}, 1) == ""
