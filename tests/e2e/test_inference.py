"""Triton's own client, unchanged, against a deployed stage: it gets what /v1 answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput, InferResult
from tritonclient.utils import InferenceServerException

from relearn.records.predictions import parse_prediction_id
from tests.e2e.client import Stage
from tests.e2e.proxied import proxy_of

pytestmark = [pytest.mark.e2e, pytest.mark.local]

MODELS = ("diabetes", "iris", "tickets")


@pytest.fixture(scope="module")
def live(stage: Stage) -> Stage:
    """The stage once every model serves and nothing is under way."""
    for model in MODELS:
        stage.wait_until_served(model)
    return stage


@pytest.fixture(scope="module")
def url(live: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the API takes requests that nobody signed: Triton's client does not."""
    with proxy_of(live, tmp_path_factory.mktemp("proxy")) as running:
        yield running.url


@pytest.fixture
def triton(url: str) -> Iterator[Any]:
    """Triton's client of the stage."""
    with InferenceServerClient(urlsplit(url).netloc) as client:
        yield client


def tensors(
    client: Any, model: str, instances: list[dict[str, Any]], *, binary: bool = True
) -> list[InferInput]:
    """Write instances as the tensors that the model's metadata asks for."""
    kinds = {"FP32": np.float32, "BOOL": np.bool_, "BYTES": np.object_}
    inputs = []
    for described in client.get_model_metadata(model)["inputs"]:
        values: Any = np.array([one[described["name"]] for one in instances], kinds[described["datatype"]])
        inputs.append(InferInput(described["name"], list(values.shape), described["datatype"]))
        inputs[-1].set_data_from_numpy(values, binary_data=binary)
    return inputs


def test_the_server_and_its_models_are_ready(triton: Any) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("iris")
    assert not triton.is_model_ready("trees")
    assert triton.get_server_metadata()["extensions"] == ["binary_tensor_data"]


@pytest.mark.parametrize("model", ["iris", "tickets"])
@pytest.mark.parametrize("binary", [True, False])
def test_a_classifier_answers_as_predict_does(
    live: Stage,
    triton: Any,
    binary: bool,  # noqa: FBT001
    model: str,
) -> None:
    sample = live.sample(model)
    expected = live.predict(model, *sample)
    wanted = [InferRequestedOutput(name, binary_data=binary) for name in ("label", "probabilities")]
    inputs = tensors(triton, model, sample, binary=binary)
    result: InferResult = triton.infer(model, inputs, outputs=wanted, request_id="7")
    response = result.get_response()
    assert (response["id"], response["model_version"]) == ("7", str(expected["version"]))
    labels = [label.decode() if binary else label for label in result.as_numpy("label")]
    assert labels == [one["label"] for one in expected["predictions"]]
    probabilities = [list(one["probabilities"].values()) for one in expected["predictions"]]
    np.testing.assert_array_equal(result.as_numpy("probabilities"), np.array(probabilities, np.float32))


@pytest.mark.parametrize("coding", [None, "gzip", "deflate"])
def test_a_regression_answers_as_predict_does_however_the_request_is_packed(
    live: Stage, triton: Any, coding: str | None
) -> None:
    sample = live.sample("diabetes")
    values = [one["value"] for one in live.predict("diabetes", *sample)["predictions"]]
    inputs = tensors(triton, "diabetes", sample)
    result = triton.infer("diabetes", inputs, request_compression_algorithm=coding)
    np.testing.assert_array_equal(result.as_numpy("value"), np.array(values, np.float32))
    ids = [parse_prediction_id(one.decode()) for one in result.as_numpy("prediction_id")]
    assert [one and one.row for one in ids] == list(range(len(sample)))


def test_what_is_wrong_is_raised_with_our_own_words(live: Stage, triton: Any) -> None:
    inputs = tensors(triton, "iris", [{**row, "petal_width": -1} for row in live.sample("iris")[:1]])
    with pytest.raises(InferenceServerException) as caught:
        triton.infer("iris", inputs)
    assert caught.value.status() == "422"
    assert caught.value.message() == "/inputs/3/data/0: got -1.0; allowed: at least 0"


def test_what_we_do_not_have_is_raised_with_our_own_words(triton: Any) -> None:
    with pytest.raises(InferenceServerException, match="no operation has this path"):
        triton.get_model_config("iris")
    with pytest.raises(InferenceServerException, match="no model 'trees'"):
        triton.get_model_metadata("trees")
