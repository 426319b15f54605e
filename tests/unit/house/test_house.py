"""The shape of the house: no circle, everything public documented, a prediction's way short."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import measures


def test_no_package_has_a_circle_among_its_children() -> None:
    assert measures.circles() == {}


def test_everything_public_is_documented() -> None:
    assert measures.undocumented() == []


def test_a_definition_without_a_docstring_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Makefile").write_text(".PHONY: run\nrun: x ## does\n")
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "bare.py").write_text(
        "class Known:\n    def said(self) -> None: ...\n    def _own(self) -> None: ...\n"
    )
    monkeypatch.setattr(measures, "ROOT", tmp_path)
    assert measures.undocumented() == ["cli/bare.py", "cli/bare.py::Known", "cli/bare.py::Known.said"]


def test_a_target_of_make_without_a_word_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Makefile").write_text(".PHONY: run test\nrun: x ## does\ntest: x\n")
    monkeypatch.setattr(measures, "ROOT", tmp_path)
    assert measures.undocumented() == ["Makefile: test"]


def test_a_prediction_passes_few_modules() -> None:
    found = measures.prediction()
    assert 0 < found["modules"] <= 40
    assert found["depth"] <= 24
