from __future__ import annotations

import json
import re
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from preparation import prepare
from relearn.data import contents, recorded_answers
from relearn.data.archives import Limits
from relearn.data.recorded_answers import RecordedAnswer
from relearn.lifecycle.blame import Blame
from relearn.lifecycle.comparison import Comparison, ExaminedBefore
from relearn.spec.model import Category
from scoring import artifact
from scoring.app import App
from scoring.container import Container, Job
from tests.support.training_kit import IRIS_SEED, iris_rows, job, packed, write_shard
from training import catalog
from training.fitting import choice, tabular
from training.job import train
from training.job.snapshot import load
from training.models.diabetes import collect as diabetes
from training.models.iris import collect as iris


def report_of(box: Container) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((box.output / "report.json").read_text(encoding="utf-8"))
    return data


def page_of(box: Container) -> str:
    return (box.output / "report.html").read_text(encoding="utf-8")


def with_champion(box: Container, champion: Container) -> Container:
    packed(champion.model, box.champion)
    return box


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Container:
    box = job(tmp_path_factory.mktemp("first"), iris_rows())
    assert train.main(box) == 0
    return box


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory, first: Container) -> Container:
    rows = iris_rows(IRIS_SEED, iris.MORE)
    box = with_champion(job(tmp_path_factory.mktemp("second"), rows, champion_version="1"), first)
    assert train.main(box) == 0
    return box


def test_more_measurements_make_a_better_iris_model_on_the_same_rows(second: Container) -> None:
    report = report_of(second)
    assert report["champion"]["version"] == 1
    assert report["candidate"]["metrics"]["f1_macro"] > report["champion"]["metrics"]["f1_macro"]


def test_the_report_counts_the_rows_that_were_held_out_before_and_those_that_come_again(
    first: Container, second: Container
) -> None:
    before, report = report_of(first), report_of(second)
    known, held = before["rows"]["holdout"], report["rows"]["holdout"]
    assert before["evaluation_set"] == {"known": 0, "new": known}
    assert report["evaluation_set"] == {"known": known, "new": held - known}
    assert report["repeats"]["duplicates"] == 1  # as the data set was published
    assert "1 row: equal an earlier one in every column, learnt and examined once: 1 in a" in page_of(second)


def test_a_first_iris_model_meets_its_bound(first: Container) -> None:
    assert report_of(first)["candidate"]["metrics"]["f1_macro"] >= 0.90


def test_a_champion_that_was_changed_fails_the_job_with_the_reason(tmp_path: Path, first: Container) -> None:
    box = with_champion(job(tmp_path, iris_rows(), champion_version="1", champion_sha256="0" * 64), first)
    assert train.main(box) == 1
    said = (box.root / "output/failure").read_text(encoding="utf-8")
    assert said.startswith("the artifact of the champion, version 1, was changed since it was judged")
    assert not box.model.exists()


def test_the_report_tells_the_digest_of_the_whole_artifact(first: Container) -> None:
    found = artifact.load(first.model)
    assert report_of(first)["contents_sha256"] == found.contents_sha256
    with (first.model.parent / "packed.tar.gz").open("w+b") as file:
        with tarfile.open(fileobj=file, mode="w:gz") as tar:
            tar.add(first.model, arcname=".")
        file.seek(0)
        files = contents.of_archive(file, "packed.tar.gz", Limits(file=10**9, total=10**9))
    assert contents.digest(files) == found.contents_sha256


def test_answers_on_record_are_those_that_the_artifact_gives(first: Container) -> None:
    app = App(artifact.load(first.model), 1)
    known = RecordedAnswer.parse_lines((first.output / "answers.jsonl").read_bytes().splitlines())
    assert 0 < len(known) <= 20
    body = json.dumps({"instances": [one.instance for one in known]}).encode()
    assert (
        recorded_answers.difference([one.prediction for one in known], app.answer(body)["predictions"])
        is None
    )


def test_a_candidate_that_will_be_rejected_is_not_fitted_again(
    tmp_path: Path, first: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = catalog.get("iris")
    again = replace(spec, training=replace(spec.training, refit=True))
    monkeypatch.setattr(catalog, "get", lambda _: again)
    turn = {"setosa": "versicolor", "versicolor": "virginica", "virginica": "setosa"}
    poisoned = [{**row, "species": turn[row["species"]]} for row in iris_rows(iris.MORE)]
    box = with_champion(job(tmp_path, [*iris_rows(), *poisoned], champion_version="1"), first)
    assert train.main(box) == 0
    assert report_of(box)["twin"] is None
    assert not (box.model / artifact.TWIN).exists()


def test_turned_labels_make_a_worse_candidate(tmp_path: Path, first: Container) -> None:
    turn = {"setosa": "versicolor", "versicolor": "virginica", "virginica": "setosa"}
    poisoned = [{**row, "species": turn[row["species"]]} for row in iris_rows(iris.MORE)]
    box = with_champion(job(tmp_path, [*iris_rows(), *poisoned], champion_version="1"), first)
    assert train.main(box) == 0
    assert report_of(box)["candidate"]["metrics"]["f1_macro"] < 0.90
    assert "By the spec's rule: reject." in page_of(box)


def test_many_rows_with_two_species_swapped_contradict_what_was_held_out_before(
    tmp_path: Path, first: Container
) -> None:
    turn = {"setosa": "setosa", "versicolor": "virginica", "virginica": "versicolor"}
    swapped = [
        {**row, "species": turn[row["species"]], "sepal_width": f"{float(row['sepal_width']) + more:.2f}"}
        for row in iris_rows(iris.MORE)
        for more in (0.0, 0.01, 0.02, 0.03)
    ]
    box = with_champion(job(tmp_path, [*iris_rows(), *swapped], champion_version="1"), first)
    assert train.main(box) == 0
    rival = report_of(box)["champion"]
    assert report_of(box)["candidate"]["metrics"]["f1_macro"] > rival["metrics"]["f1_macro"] + 0.3
    comparison = Comparison.from_report(rival)
    assert comparison is not None
    assert re.match(
        r"-0\.\d+ on 13 rows held out before and \+0\.\d+ on \d+ new rows", comparison.contradiction(0.01)
    )


def test_rows_that_replace_all_those_held_out_before_leave_it_to_a_person(
    tmp_path: Path, first: Container
) -> None:
    turn = {"setosa": "versicolor", "versicolor": "virginica", "virginica": "setosa"}
    replacing = [{**row, "species": turn[row["species"]]} for row in iris_rows(IRIS_SEED, iris.MORE)]
    box = with_champion(job(tmp_path, replacing, champion_version="1"), first)
    assert train.main(box) == 0
    comparison = Comparison.from_report(report_of(box)["champion"])
    assert comparison is not None
    known, held = report_of(first)["rows"]["holdout"], report_of(box)["rows"]["holdout"]
    assert comparison.before == ExaminedBefore(known, 0, held, gone=known)
    assert comparison.low > 0
    assert "a person decides" in page_of(box)
    assert '<section class="verdict asks"' in page_of(box)


def test_known_rows_whose_labels_a_replaced_file_changes_are_counted_as_gone(
    tmp_path: Path, first: Container
) -> None:
    kept, replaced = (
        [row for row in iris_rows() if (row["species"] == "virginica") == is_it] for is_it in (False, True)
    )
    relabelled = [{**row, "species": "versicolor"} for row in replaced]
    box = with_champion(
        job(tmp_path, [*kept, *relabelled, *iris_rows(iris.MORE)], champion_version="1"), first
    )
    assert train.main(box) == 0
    comparison = Comparison.from_report(report_of(box)["champion"])
    assert comparison is not None
    assert comparison.before is not None
    assert comparison.before.gone > 0
    assert comparison.before.left + comparison.before.gone == comparison.before.rows


def test_a_contradiction_says_which_of_the_uploads_it_comes_from(tmp_path: Path, first: Container) -> None:
    turn = {"setosa": "setosa", "versicolor": "virginica", "virginica": "versicolor"}
    honest = iris_rows(iris.MORE)
    swapped = [
        {**row, "species": turn[row["species"]], "sepal_width": float(row["sepal_width"]) + more}
        for row in honest
        for more in (0.01, 0.02, 0.03, 0.04, 0.05, 0.06)
    ]
    told = {"champion_version": "1", "on_trial": "bad good"}
    box = with_champion(job(tmp_path, iris_rows(), **told), first)
    spec = catalog.get("iris")
    for name, rows in {"bad": swapped, "good": honest}.items():
        write_shard(box.train_data / f"{name}.parquet", (*spec.columns, spec.target), rows)
    assert train.main(box) == 0
    found = Blame.from_report(report_of(box)["blame"], ["bad", "good"])
    assert found is not None
    assert found.by_upload("f1_macro").keys() == {"bad"}
    page = page_of(box)
    assert '<h2 id="uploads-to-blame">Uploads to blame</h2>' in page
    assert "To blame: upload bad (without it: f1_macro " in page
    assert page.count(">to blame<") == 1


def test_a_wrong_label_is_listed_by_its_upload_and_row(tmp_path: Path) -> None:
    rows = iris_rows(IRIS_SEED, iris.MORE)
    at = next(at for at, row in enumerate(rows) if row["species"] == "setosa" and at > 20)
    rows[at] = {**rows[at], "species": "virginica"}
    box = job(tmp_path, rows)
    assert train.main(box) == 0
    found = report_of(box)["labels"]
    first = found["suspects"][0]
    assert (first["upload"], first["row"], first["line"]) == ("a", at + 1, None)
    assert (first["given"], first["expected"]) == ("virginica", "setosa")
    assert found["checked"] == found["rows"]
    assert "Labels that contradict the rest of the data" in page_of(box)
    assert f"<td>accepted row {at + 1}</td><td>virginica</td><td>setosa</td>" in page_of(box)


def test_a_wrong_label_is_listed_by_the_line_of_the_uploaded_file(tmp_path: Path) -> None:
    more = iris.MORE.read_text(encoding="utf-8").splitlines(keepends=True)[1:]
    lines = IRIS_SEED.read_text(encoding="utf-8").splitlines(keepends=True) + more
    wrong = next(at for at, line in enumerate(lines) if line.endswith("setosa\n") and at > 20)
    lines[wrong] = lines[wrong].replace("setosa", "virginica")
    rejected = lines[1].replace("setosa", "rose")
    source = tmp_path / "object"
    source.write_text("".join([lines[0], "\n", rejected, *lines[1:]]), encoding="utf-8")
    box = job(tmp_path, [])
    prepared = prepare(catalog.get("iris"), source, "more.csv", tmp_path / "work", threads=1)
    assert prepared.shard is not None
    prepared.shard.rename(box.train_data / "a.parquet")
    assert train.main(box) == 0
    first = report_of(box)["labels"]["suspects"][0]
    assert (first["upload"], first["row"], first["line"]) == ("a", wrong, wrong + 3)
    assert f"<td>{wrong + 3}</td><td>virginica</td><td>setosa</td>" in page_of(box)


def test_a_candidate_that_is_as_good_blames_nobody(second: Container) -> None:
    assert report_of(second)["blame"] is None
    assert "Uploads to blame" not in page_of(second)


def test_an_honest_second_upload_contradicts_nothing(second: Container) -> None:
    comparison = Comparison.from_report(report_of(second)["champion"])
    assert comparison is not None
    assert comparison.known is not None
    assert comparison.contradiction(0.01) == ""


def test_a_first_version_says_what_its_rows_will_show_and_a_second_one_what_they_showed(
    first: Container, second: Container
) -> None:
    ahead, shown = (report_of(box)["power"] for box in (first, second))
    assert (ahead["planned"], ahead["rows"]) == (True, report_of(first)["rows"]["holdout"])
    comparison = report_of(second)["champion"]["comparison"]
    assert shown == {**{key: comparison[key] for key in ("rows", "smallest", "confidence")}, "planned": False}
    assert (
        f"Smallest difference that can be seen: {ahead['smallest']:.2g} on {ahead['rows']} rows"
        in page_of(first)
    )


@pytest.mark.parametrize("made", [iris.collect(), diabetes.collect()])
def test_data_files_are_what_their_script_makes(made: dict[Path, str]) -> None:
    for path, content in made.items():
        assert path.read_text(encoding="utf-8") == content


@pytest.fixture(scope="module")
def third(tmp_path_factory: pytest.TempPathFactory, first: Container, second: Container) -> Container:
    told = {"champion_version": "2", "reference_version": "1"}
    box = with_champion(
        job(tmp_path_factory.mktemp("third"), iris_rows(IRIS_SEED, iris.MORE), **told), second
    )
    packed(first.model, box.reference)
    assert train.main(box) == 0
    return box


def test_candidate_champion_and_reference_are_measured_on_the_same_rows(third: Container) -> None:
    report = report_of(third)
    compared = [report[name]["comparison"]["rows"] for name in ("champion", "reference")]
    assert compared == [report["rows"]["holdout"]] * 2
    assert (report["champion"]["version"], report["reference"]["version"]) == (2, 1)
    assert report["reference_incompatible"] is None


def test_the_page_shows_the_reference_with_the_lead_over_it(third: Container) -> None:
    page = page_of(third)
    assert "Reference, version 1" in page
    assert "Lead in f1_macro over version 1" in page


def test_what_the_reference_has_learnt_is_not_examined(
    tmp_path: Path, second: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = catalog.get("iris")
    fewer_held = replace(spec, training=replace(spec.training, holdout=0.05))
    rows = iris_rows(IRIS_SEED, iris.MORE)
    with monkeypatch.context() as patch:
        patch.setattr(catalog, "get", lambda _name: fewer_held)
        greedy = job(tmp_path / "greedy", rows)
        assert train.main(greedy) == 0
    told = {"champion_version": "2", "reference_version": "1"}
    box = with_champion(job(tmp_path / "job", rows, **told), second)
    packed(greedy.model, box.reference)
    assert train.main(box) == 0
    report = report_of(box)
    left = report_of(greedy)["rows"]["holdout"]
    assert (report["rows"]["holdout"], report["repeats"]["not_examined"]) == (
        left,
        report_of(second)["rows"]["holdout"] - left,
    )


def test_a_reference_that_is_gone_is_reported_and_the_champion_alone_is_compared_with(
    tmp_path: Path, second: Container, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {"champion_version": "2", "reference_version": "1"}
    box = with_champion(job(tmp_path, iris_rows(IRIS_SEED, iris.MORE), **told), second)
    assert train.main(box) == 0
    report = report_of(box)
    assert report["champion"]["version"] == 2
    assert (report["reference"], report["reference_incompatible"]) == (
        None,
        {"version": 1, "reason": "its artifact is gone"},
    )
    assert "Version 1 cannot be compared: its artifact is gone." in page_of(box)
    assert "reference: version 1 cannot be compared: its artifact is gone" in capsys.readouterr().out


@pytest.fixture(scope="module")
def refitted(tmp_path_factory: pytest.TempPathFactory) -> Container:
    """Train iris again with a spec that wants the model fitted on all rows."""
    spec = catalog.get("iris")
    again = replace(spec, training=replace(spec.training, refit=True))
    box = job(tmp_path_factory.mktemp("refitted"), iris_rows())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "get", lambda _name: again)
        assert train.main(box) == 0
    return box


def test_a_refit_serves_another_model_than_the_one_that_was_judged(
    first: Container, refitted: Container
) -> None:
    judged, served = (artifact.load(box.model) for box in (first, refitted))
    assert (refitted.model / artifact.TWIN).read_bytes() == judged.onnx
    assert served.onnx != judged.onnx
    assert not (first.model / artifact.TWIN).exists()


def test_the_figures_of_a_refit_are_those_of_the_model_that_never_saw_the_rows_held_out(
    first: Container, refitted: Container
) -> None:
    before, after = report_of(first), report_of(refitted)
    assert after["candidate"] == before["candidate"]
    assert artifact.load(refitted.model).meta["metrics"] == artifact.load(first.model).meta["metrics"]


def test_a_refit_learns_all_rows_and_its_record_says_what_the_twin_learnt(
    first: Container, refitted: Container
) -> None:
    assert (refitted.model / artifact.LEARNT).read_bytes() == (first.model / artifact.LEARNT).read_bytes()
    rows = report_of(first)["rows"]
    spec = catalog.get("iris")
    everything = load(spec, refitted.train_data).whole()
    assert len(everything.train) == rows["train"] + rows["holdout"]
    settings = Job.of(spec, refitted.told())
    expected = choice.of(spec).make_candidate(spec, settings, everything)
    assert artifact.load(refitted.model).onnx == expected.onnx


def test_a_champion_that_was_fitted_again_is_compared_by_its_twin(
    tmp_path: Path, second: Container, refitted: Container
) -> None:
    rows = iris_rows(IRIS_SEED, iris.MORE)
    box = with_champion(job(tmp_path, rows, champion_version="1"), refitted)
    assert train.main(box) == 0
    assert report_of(box)["champion"]["metrics"] == report_of(second)["champion"]["metrics"]
    assert report_of(box)["repeats"] == report_of(second)["repeats"]


def test_a_reference_that_was_fitted_again_is_compared_by_its_twin(
    tmp_path: Path, second: Container, third: Container, refitted: Container
) -> None:
    told = {"champion_version": "2", "reference_version": "1"}
    box = with_champion(job(tmp_path, iris_rows(IRIS_SEED, iris.MORE), **told), second)
    packed(refitted.model, box.reference)
    assert train.main(box) == 0
    assert report_of(box)["reference"]["metrics"] == report_of(third)["reference"]["metrics"]


def test_the_answers_on_record_of_a_refit_are_those_that_it_serves_beside_those_of_its_twin(
    first: Container, refitted: Container
) -> None:
    judged, known = (
        RecordedAnswer.parse_lines((box.output / "answers.jsonl").read_bytes().splitlines())
        for box in (first, refitted)
    )
    app = App(artifact.load(refitted.model), 1)
    body = json.dumps({"instances": [one.instance for one in known]}).encode()
    given = app.answer(body)["predictions"]
    assert recorded_answers.difference([one.prediction for one in known], given) is None
    assert [one.prediction for one in known] != [one.twin for one in known]
    assert [one.twin for one in known] == [one.prediction for one in judged]


def test_the_report_of_a_refit_has_what_its_twin_answers_and_says_what_serves(refitted: Container) -> None:
    twin = report_of(refitted)["twin"]
    probes = (refitted.output / "probes.jsonl").read_bytes().splitlines()
    assert sum(twin["answers"].values()) == len(probes)
    assert twin["onnx_sha256"] == artifact.sha256((refitted.model / artifact.TWIN).read_bytes())
    assert "the recipe fitted again on all rows" in page_of(refitted)


def test_the_page_shows_candidate_and_champion_side_by_side(second: Container) -> None:
    page = page_of(second)
    assert "By the spec's rule: promote." in page
    # the interval, two confusion matrices, ROC, importance, calibration, twice precision against recall
    assert page.count("<svg") == 8
    assert page.count('role="img" aria-label="') == page.count("<figcaption>") == page.count("<svg")
    assert page.count("<title>") == 1  # the page's: a chart's would say its caption again
    assert "Champion, version 1" in page


def test_the_page_and_the_report_count_the_rows_that_one_model_has_right_and_the_other_wrong(
    first: Container, second: Container
) -> None:
    assert report_of(first)["flips"] is None
    report, page = report_of(second), page_of(second)
    flips, duel = report["flips"], report["champion"]["duel"]
    assert (flips["gained"], flips["lost"]) == (duel["better"], duel["worse"])
    assert '<h2 id="where-the-two-differ">' in page
    assert f"wrong on {flips['gained']} row" in page


def test_the_report_has_the_calibration_and_the_precision_of_both_models(
    first: Container, second: Container
) -> None:
    curves = report_of(second)["curves"]
    assert curves["calibration"]["candidate"]["rows"] == curves["calibration"]["champion"]["rows"]
    served = {one["label"]: one["served"]["recall"] for one in curves["precision_recall"]["candidate"]}
    per_class = report_of(second)["candidate"]["per_class"]
    assert served == {label: pytest.approx(one["recall"]) for label, one in per_class.items()}
    assert report_of(first)["curves"]["calibration"]["champion"] is None
    assert "a circle is where it serves" in page_of(first)


def test_a_champion_that_can_not_answer_is_reported_with_its_reason(
    tmp_path: Path, second: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(catalog.get("iris"), columns=catalog.get("iris").columns[:3])
    box = with_champion(job(tmp_path, iris_rows(), champion_version="2"), second)
    monkeypatch.setattr(catalog, "get", lambda _name: spec)
    assert train.main(box) == 0
    reason = "it needs petal_width, which the spec no longer has"
    report = report_of(box)
    assert report["champion"] is None
    assert report["champion_incompatible"] == {"version": 2, "reason": reason}
    page = page_of(box)
    assert "By the spec's rule: a person decides." in page
    assert f"version 2 cannot be compared: {reason}; a person decides" in page


def with_classes(monkeypatch: pytest.MonkeyPatch, *classes: str) -> None:
    spec = catalog.get("iris")
    target = replace(cast(Category, spec.target), values=classes)
    changed = replace(spec, target=target)
    monkeypatch.setattr(catalog, "get", lambda _name: changed)


def test_a_class_that_the_spec_no_longer_has_is_named_and_both_are_compared_on_the_others(
    tmp_path: Path, second: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = with_champion(job(tmp_path, iris_rows(IRIS_SEED, iris.MORE), champion_version="2"), second)
    with_classes(monkeypatch, "versicolor", "virginica")
    assert train.main(box) == 0
    report, page = report_of(box), page_of(box)
    assert report["champion"]["changed"]["removed"] == ["setosa"]
    assert report["champion"]["confusion"]["labels"] == ["versicolor", "virginica"]
    assert report["champion"]["comparison"]["rows"] == report["rows"]["holdout"]
    assert report["repeats"]["removed_classes"] == {"setosa": 50}
    assert "Setosa is no longer a class." in page
    assert "50 rows of setosa: neither learnt nor examined" in page


def test_a_class_that_the_champion_does_not_know_is_left_out_of_the_comparison_and_a_person_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = iris_rows(IRIS_SEED, iris.MORE)
    with monkeypatch.context() as patch:
        before = job(tmp_path / "before", rows)
        with_classes(patch, "setosa", "versicolor")
        assert train.main(before) == 0
    box = with_champion(job(tmp_path / "now", rows, champion_version="1"), before)
    assert train.main(box) == 0
    report, page = report_of(box), page_of(box)
    (new,) = report["champion"]["changed"]["new"]
    assert (new["name"], new["figure"]) == ("virginica", "f1")
    held = report["rows"]["holdout"]
    assert report["champion"]["comparison"]["rows"] == held - new["rows"]
    assert "By the spec's rule: a person decides." in page
    assert f"virginica has {new['rows']} rows held out, too few to measure it" in page
    assert f"{new['rows']} rows of virginica left out, which version 1 does not know." in page


def test_the_log_tells_what_happens_and_every_metric(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = job(tmp_path, iris_rows())
    assert train.main(box) == 0
    log = capsys.readouterr().out
    assert log.startswith("relearn: read 45 rows of 1 shard: 32 to train, 13 held out\n")
    found = {
        name: float(value) for name, value in re.findall(r"^metric (\w+)=([0-9.eE+-]+)$", log, re.MULTILINE)
    }
    assert found == pytest.approx(report_of(box)["candidate"]["metrics"], rel=1e-5)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"model": "tulip"}, "no model 'tulip'; there are: churn, diabetes, iris, products, tickets"),
        ({"inverse_penalty": "0"}, "setting 'inverse_penalty': got '0'; allowed: a number, 0.01 to 1000"),
        ({"champion_version": "1"}, "setting 'champion_version': got 'version 1, channel absent'"),
    ],
)
def test_a_job_that_fails_leaves_its_reason_and_no_artifact(
    tmp_path: Path, told: dict[str, str], reason: str
) -> None:
    box = job(tmp_path, iris_rows(), **told)
    assert train.main(box) == 1
    assert (box.root / "output/failure").read_text(encoding="utf-8").startswith(reason)
    assert not box.model.exists()


def test_a_failure_nobody_foresaw_is_a_reason_too_and_its_trace_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by nothing")

    box = job(tmp_path, iris_rows())
    monkeypatch.setattr(tabular, "make_candidate", broken)
    assert train.main(box) == 1
    assert (box.root / "output/failure").read_text(encoding="utf-8") == "ZeroDivisionError: by nothing"
    assert "Traceback" in capsys.readouterr().err
