"""A stage of 60 models, in stacks of their own, is deployed on the laptop, and the last of them serves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from relearn.naming import resources
from tests.e2e.client import Stage
from tests.e2e.clouds import cloud_of
from tests.limits import copies

pytestmark = [pytest.mark.e2e, pytest.mark.local, pytest.mark.long]

MODELS = copies.names(60)
LAST = MODELS[-1]
IN_LAMBDA = MODELS[:6]
STACKS = 2
A_DAY = 86_400
ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """All but the last model wait a day for more uploads before they train: sixty endpoints would need 5 GB of memory."""
    if request.config.getoption("--target") != "local":
        pytest.skip("generates models: on the laptop cloud only")
    folder = tmp_path_factory.mktemp("many")
    settings: dict[str, Any] = {"model_stacks": STACKS, "debounce_seconds": None, "verify": False}
    app = copies.make(folder / "app", MODELS, in_lambda=IN_LAMBDA, **settings)
    for model in MODELS:
        spec = app / "training" / "models" / model / "spec.py"
        seconds = 1 if model == LAST else A_DAY
        spec.write_text(spec.read_text().replace("debounce_seconds=60", f"debounce_seconds={seconds}"))
    copies.synthesise(app, "local")
    with cloud_of(folder, app / "cdk.out") as running:
        yield running


def test_the_sixtieth_model_is_trained_and_serves(stage: Stage) -> None:
    stage.wait(f"the first version of {LAST}", lambda: stage.live_version(LAST))
    assert stage.predict(LAST, ROW)["version"] == 1
    assert len(stage.http("/v1/models")[2]["models"]) == len(MODELS)


def test_every_model_has_its_roles_and_those_in_lambda_have_hosts(stage: Stage) -> None:
    pages = stage.client("iam").get_paginator("list_roles").paginate()
    roles = {role["RoleName"] for page in pages for role in page["Roles"]}
    region = str(stage.session.region_name)
    for kind in ("job", "endpoint", "exp"):
        prefix = resources.roles(stage.name, kind, region)
        assert {name.removeprefix(prefix) for name in roles if name.startswith(prefix)} == set(MODELS)
    pages = stage.client("lambda").get_paginator("list_functions").paginate()
    functions = {one["FunctionName"] for page in pages for one in page["Functions"]}
    hosts = {resources.host_function(stage.name, model) for model in MODELS}
    assert functions & hosts == {resources.host_function(stage.name, model) for model in IN_LAMBDA}
