"""Paths into the context of an execution."""

from __future__ import annotations

import pytest

from relearn.lifecycle.run_context import path


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((), "$"),
        (("model",), "$.model"),
        (("judgement", "verdict"), "$.judgement.verdict"),
        (("job", "ModelArtifacts", "S3ModelArtifacts"), "$.job.ModelArtifacts.S3ModelArtifacts"),
    ],
)
def test_a_path_names_keys_from_the_context_inwards(keys: tuple[str, ...], expected: str) -> None:
    assert path(*keys) == expected


@pytest.mark.parametrize("keys", [("judgment",), ("judgement", "verdikt")])
def test_a_key_that_no_step_writes_is_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(KeyError, match=rf"got {keys[-1]}; allowed: "):
        path(*keys)


def test_a_text_that_is_never_there_is_refused() -> None:
    assert path("judgement", "verdict", value="promote") == "$.judgement.verdict"
    with pytest.raises(ValueError, match=r"judgement.verdict: got 'better'; allowed: 'promote', 'reject'"):
        path("judgement", "verdict", value="better")
