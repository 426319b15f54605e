"""The folder of a kept cloud: one cloud at a time, and nothing that was answered is lost with a kill."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local import kept
from local.kept import KeptError, KeptFolder
from local.locks import Lock
from local.sagemaker.state import State
from local.scratch import LONGEST, Scratch, forget_dead
from tests.local.conftest import ROOT

HOLD = (
    "import sys, time; from pathlib import Path; from local.{0} import {1}; "
    "held = {1}({2}); print(held.path if {1}.__name__ == 'Scratch' else 'held', flush=True); time.sleep(60)"
)


def killed_at_every_write(what: str, folder: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.local.killed_writes", what, str(folder / "kept")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    tries: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(tries) > 5
    assert tries[0]["answered"] == []
    return tries


def test_of_objects_a_kill_takes_none_that_was_answered_and_leaves_none_torn(tmp_path: Path) -> None:
    written = {f"content {number}" for number in range(3)}
    for one in killed_at_every_write("objects", tmp_path):
        assert [told for told in one["answered"] if told not in one["found"]] == [], one
        assert {found["body"] for found in one["found"]} <= written, one
        again = [found for found in one["found"] if found not in one["answered"]]
        assert len(again) <= 1, one


def test_of_tables_a_kill_takes_nothing_that_was_answered(tmp_path: Path) -> None:
    for one in killed_at_every_write("tables", tmp_path):
        assert set(one["answered"]) <= set(one["found"]), one
        assert len(one["found"]) <= len(one["answered"]) + 1, one


@pytest.mark.long
def test_what_a_deployment_changed_comes_back_whole_or_as_it_was_before(tmp_path: Path) -> None:
    for one in killed_at_every_write("generations", tmp_path):
        assert len(set(one["found"])) == 1, one
        done = len(one["answered"])
        assert one["found"][0] in (done, done - 1 if done else None), one


def test_a_kill_during_a_later_deployment_leaves_all_of_it_or_nothing_and_what_was_there(
    tmp_path: Path,
) -> None:
    seen = set()
    for one in killed_at_every_write("deployment", tmp_path):
        found = one["found"]
        deployed = found["tables"] == ["later", "ledger"]
        assert deployed or found["tables"] == ["ledger"], one
        assert found["queue"] == deployed, one
        assert deployed or "deployed" not in one["answered"], one
        assert {told for told in one["answered"] if told != "deployed"} <= set(found["items"]), one
        seen.add(deployed)
    assert seen == {True, False}


def test_every_change_of_sagemakers_records_is_on_disk_when_it_is_told(tmp_path: Path) -> None:
    file = tmp_path / "sagemaker.json"
    state = State(file)
    state.add("packages", "v1", {"Name": "v1"})
    assert State(file).get("packages", "v1") == {"Name": "v1"}
    state.change("packages", "v1", Status="Approved")
    found = State(file).get("packages", "v1")
    assert found is not None
    assert found["Status"] == "Approved"
    state.remove("packages", "v1")
    assert State(file).get("packages", "v1") is None


def hold(where: str, what: str, given: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD.format(where, what, given)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


def test_a_second_cloud_is_told_who_uses_the_folder_and_what_to_do(tmp_path: Path) -> None:
    other = hold("kept", "KeptFolder", f"Path({str(tmp_path)!r})")
    try:
        assert said(other) == "held"
        with pytest.raises(KeptError) as told:
            KeptFolder(tmp_path)
        assert (
            f"in use by another laptop cloud, process {other.pid}: stop that one (kill {other.pid})"
            in str(told.value)
        )
        assert "another folder with --keep" in str(told.value)
    finally:
        killed(other)
    KeptFolder(tmp_path).release()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(KeptError, match="no folder of a laptop cloud and not empty"):
        KeptFolder(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_cloud_that_died_before_it_was_deployed_leaves_nothing_to_go_on_with(tmp_path: Path) -> None:
    KeptFolder(tmp_path).release()
    (tmp_path / "s3" / "123456789012" / "box").mkdir(parents=True)
    (tmp_path / "sagemaker.json").write_text("{}")
    KeptFolder(tmp_path).release()
    assert not (tmp_path / "s3").exists()
    assert not (tmp_path / "sagemaker.json").exists()


def test_what_was_kept_before_there_were_generations_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / kept.MINISTACK).mkdir()
    (tmp_path / kept.MINISTACK / "dynamodb.json").write_text('"tables"')
    (tmp_path / "ports.json").write_text("[1, 2]")
    KeptFolder(tmp_path).release()
    current = tmp_path / kept.GENERATIONS / kept.CURRENT
    assert (current / "dynamodb.json").read_text() == '"tables"'


def test_the_scratch_folder_of_a_killed_cloud_goes_at_the_next_start_and_a_living_ones_stays(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(short))
    dead, living = hold("scratch", "Scratch"), hold("scratch", "Scratch")
    try:
        left, used = Path(said(dead)), Path(said(living))
        killed(dead)
        nobodys = short / "relearn-local-other"
        nobodys.mkdir()
        assert forget_dead(short) == [left]
        assert (left.exists(), used.is_dir(), nobodys.is_dir()) == (False, True, True)
    finally:
        killed(living)


def test_a_scratch_folder_goes_with_its_cloud(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short))
    scratch = Scratch()
    assert scratch.path.parent == short
    scratch.remove()
    assert list(short.iterdir()) == []


def test_a_scratch_folder_is_in_tmp_where_temporary_files_have_too_long_a_name_for_sockets(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = short / ("d" * (LONGEST - len(str(short))))
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    scratch = Scratch()
    try:
        assert scratch.path.parent == Path("/tmp")
    finally:
        scratch.remove()


def test_a_lock_that_was_given_back_can_be_taken_again(tmp_path: Path) -> None:
    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    first.take()
    first.release()
    second.take()
    second.release()
