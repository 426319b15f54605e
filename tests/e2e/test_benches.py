"""The benches that ask a laptop cloud run, small, on the stage that is there, and say what they promise."""

from __future__ import annotations

import pytest

from tests.bench.listed import BENCHES, figures, needs_stage, small
from tests.e2e.client import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.local]


@pytest.mark.parametrize("name", [name for name in BENCHES if needs_stage(name)])
def test_a_bench_of_a_cloud_runs_and_its_last_line_has_the_figures_it_documents(
    stage: Stage, name: str
) -> None:
    if stage.described_by is None:
        pytest.skip("the benches measure the laptop cloud")
    assert small(name, ["--stage", str(stage.described_by)]).keys() == figures(name) != set()
