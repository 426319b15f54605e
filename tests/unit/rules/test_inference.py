"""A model in the words of the Open Inference Protocol: its tensors, requests as instances, predictions as tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.api.open_inference import model, request, tensors
from relearn.api.open_inference.model import RequestedOutput
from relearn.errors import FieldError, InvalidInstancesError, ModelFailedError
from relearn.spec.model import Boolean, Category, Column, DateTime, Metric, ModelSpec, Number, Text
from tests.support.examples import examples
from tests.support.strategies import ANY, instances, specs

SPEC = ModelSpec(
    name="parcels",
    title="Parcels",
    columns=(
        Number("weight", minimum=0.1, maximum=100),
        Category("service", values=("express", "economy")),
        Number("height", optional=True),
        Text("note", optional=True),
        Boolean("fragile", optional=True),
        DateTime("sent", optional=True),
    ),
    target=Category("late", values=("yes", "no")),
    metric=Metric("f1_macro", minimum=0.5),
)
PRICES = ModelSpec(
    name="prices",
    title="Prices",
    columns=(Number("area", optional=True),),
    target=Number("price"),
    metric=Metric("mae", maximum=9),
)
WEIGHT: dict[str, Any] = {"name": "weight", "datatype": "FP64", "shape": [2], "data": [1.5, 2]}
SERVICE: dict[str, Any] = {
    "name": "service",
    "datatype": "BYTES",
    "shape": [2],
    "data": ["express", "economy"],
}
OUTPUTS = ("label", "probabilities", "prediction_id")


def asked(*inputs: Any, **more: Any) -> request.InferenceRequest:
    return request.parse_request(SPEC, {"inputs": list(inputs), **more}, b"")


def wrong(body: Any, tail: bytes = b"") -> dict[str, str]:
    """What is wrong with a request: pointer to detail."""
    with pytest.raises(InvalidInstancesError) as caught:
        request.parse_request(SPEC, body, tail)
    return {error.pointer: error.detail for error in caught.value.errors}


def test_a_model_is_described_by_its_tensors() -> None:
    described = model.metadata(SPEC)
    assert (described["name"], described["platform"]) == ("parcels", "onnx_onnxv1")
    inputs = [(one["name"], one["datatype"], one["shape"]) for one in described["inputs"]]
    assert inputs == [
        ("weight", "FP32", [-1]),
        ("service", "BYTES", [-1]),
        ("height", "FP32", [-1]),
        ("note", "BYTES", [-1]),
        ("fragile", "BOOL", [-1]),
        ("sent", "BYTES", [-1]),
    ]
    assert [one.get("parameters") for one in described["inputs"]] == [None, None, *[{"optional": True}] * 4]
    outputs = [(one["name"], one["datatype"], one["shape"]) for one in described["outputs"]]
    assert outputs == [
        ("label", "BYTES", [-1]),
        ("probabilities", "FP32", [-1, 2]),
        ("prediction_id", "BYTES", [-1]),
    ]
    assert json.loads(described["outputs"][1]["parameters"]["classes"]) == ["yes", "no"]


def test_a_regression_gives_values() -> None:
    assert model.output_names(PRICES) == ("value", "prediction_id")
    answer, tail = model.answer(
        PRICES,
        {"version": 3, "predictions": [{"id": "a-0", "value": 1.5}, {"id": "a-1", "value": 2.5}]},
        [RequestedOutput("value", binary=False), RequestedOutput("prediction_id", binary=False)],
    )
    assert (answer["model_name"], answer["model_version"], tail) == ("prices", "3", b"")
    assert answer["outputs"] == [
        {"name": "value", "datatype": "FP32", "shape": [2], "data": [1.5, 2.5]},
        {"name": "prediction_id", "datatype": "BYTES", "shape": [2], "data": ["a-0", "a-1"]},
    ]


def test_probabilities_come_in_the_order_of_the_classes_row_by_row() -> None:
    predictions = [
        {"label": "no", "probabilities": {"no": 0.75, "yes": 0.25}},
        {"label": "yes", "probabilities": {"no": 0.0, "yes": 1.0}},
    ]
    answer, tail = model.answer(
        SPEC,
        {"version": 1, "predictions": predictions},
        [RequestedOutput(name, binary=True) for name in OUTPUTS[:2]],
    )
    sizes = [output["parameters"]["binary_data_size"] for output in answer["outputs"]]
    assert [output["shape"] for output in answer["outputs"]] == [[2], [2, 2]]
    assert tensors.unpack("BYTES", tail[: sizes[0]], 2) == ["no", "yes"]
    assert tensors.unpack("FP32", tail[sizes[0] :], 4) == [0.25, 0.75, 1.0, 0.0]


def test_the_threshold_of_the_version_is_a_parameter_of_the_answer() -> None:
    one = {
        "label": "no",
        "probabilities": {"no": 0.75, "yes": 0.25},
        "threshold": {"label": "yes", "probability": 0.5},
    }
    answer, _ = model.answer(
        SPEC, {"version": 1, "predictions": [one]}, [RequestedOutput(OUTPUTS[0], binary=False)]
    )
    assert answer["parameters"] == {"threshold": 0.5, "threshold_label": "yes"}


def test_an_answer_from_before_there_were_ids_has_none() -> None:
    predicted = {"version": 1, "predictions": [{"value": 1.0}]}
    answer, _ = model.answer(
        PRICES, predicted, [RequestedOutput(name, binary=False) for name in ("value", "prediction_id")]
    )
    assert [output["name"] for output in answer["outputs"]] == ["value"]


def test_a_number_that_no_float32_holds_is_the_models_failure() -> None:
    with pytest.raises(ModelFailedError, match="FP32"):
        model.answer(
            PRICES, {"version": 1, "predictions": [{"value": 1e39}]}, [RequestedOutput("value", binary=True)]
        )


def test_a_request_is_instances_in_the_order_of_its_rows() -> None:
    found = asked(WEIGHT, {**SERVICE, "shape": [2, 1], "data": [["express"], ["economy"]]}, id="7")
    assert found.instances == [
        {"weight": 1.5, "service": "express"},
        {"weight": 2, "service": "economy"},
    ]
    assert found.id == "7"
    assert found.wanted == tuple(RequestedOutput(name, binary=False) for name in OUTPUTS)


@pytest.mark.parametrize(
    ("name", "datatype", "missing"),
    [
        ("height", "FP32", None),
        ("height", "FP32", float("nan")),
        ("fragile", "BOOL", None),
        ("sent", "BYTES", None),
        ("sent", "BYTES", ""),
    ],
)
def test_an_optional_value_may_be_missing(name: str, datatype: str, missing: Any) -> None:
    one = {"name": name, "datatype": datatype, "shape": [2], "data": [missing, missing]}
    assert [row[name] for row in asked(WEIGHT, SERVICE, one).instances] == [None, None]


def test_an_empty_text_is_a_text() -> None:
    note = {"name": "note", "datatype": "BYTES", "shape": [2], "data": ["", "x"]}
    assert [row["note"] for row in asked(WEIGHT, SERVICE, note).instances] == ["", "x"]


def test_members_and_parameters_nobody_knows_are_left_alone() -> None:
    inputs = [{**WEIGHT, "more": 1, "parameters": {"content_type": "np"}}, SERVICE]
    body = {"model_name": "x", "parameters": {"priority": 1}, "inputs": inputs, "id": None, "outputs": None}
    assert len(request.parse_request(SPEC, body, b"").instances) == 2


@pytest.mark.parametrize(
    ("outputs", "parameters", "wanted"),
    [
        ([{"name": "label"}], {}, [("label", False)]),
        ([{"name": "probabilities"}, {"name": "label"}], {}, [("probabilities", False), ("label", False)]),
        ([], {"binary_data_output": True}, [(name, True) for name in OUTPUTS]),
        ([{"name": "label"}], {"binary_data_output": True}, [("label", True)]),
        (
            [{"name": "label", "parameters": {"binary_data": False}}],
            {"binary_data_output": True},
            [("label", False)],
        ),
        ([{"name": "label", "parameters": {"binary_data": True}}], {}, [("label", True)]),
    ],
)
def test_a_caller_chooses_outputs_and_how_they_come(
    outputs: list[Any], parameters: Mapping[str, Any], wanted: list[tuple[str, bool]]
) -> None:
    found = asked(WEIGHT, SERVICE, outputs=outputs, parameters=parameters).wanted
    assert [(one.name, one.binary) for one in found] == wanted


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], [""]),
        ({}, ["/inputs"]),
        ({"inputs": []}, ["/inputs"]),
        ({"inputs": {}}, ["/inputs"]),
        ({"inputs": [1, SERVICE, WEIGHT]}, ["/inputs/0"]),
        ({"inputs": [{}, SERVICE, WEIGHT]}, ["/inputs/0/name"]),
        ({"inputs": [WEIGHT, SERVICE, WEIGHT]}, ["/inputs/2/name"]),
        ({"inputs": [WEIGHT]}, ["/inputs"]),
        ({"inputs": [{**WEIGHT, "shape": None}, SERVICE]}, ["/inputs/0/shape"]),
        ({"inputs": [{**WEIGHT, "shape": [2, 2]}, SERVICE]}, ["/inputs/0/shape"]),
        ({"inputs": [{**WEIGHT, "shape": [2, 1, 1]}, SERVICE]}, ["/inputs/0/shape"]),
        ({"inputs": [{**WEIGHT, "shape": [True]}, SERVICE]}, ["/inputs/0/shape"]),
        ({"inputs": [{**WEIGHT, "shape": [0], "data": []}, SERVICE]}, ["/inputs/0/shape"]),
        ({"inputs": [{**WEIGHT, "shape": [1001]}, SERVICE]}, ["/inputs/0/shape"]),
        ({"inputs": [WEIGHT, {**SERVICE, "shape": [1], "data": ["express"]}]}, ["/inputs/1/shape"]),
        ({"inputs": [{**WEIGHT, "datatype": "BYTES"}, SERVICE]}, ["/inputs/0/datatype"]),
        ({"inputs": [{**WEIGHT, "datatype": ["FP32"]}, SERVICE]}, ["/inputs/0/datatype"]),
        ({"inputs": [{**WEIGHT, "data": [1]}, SERVICE]}, ["/inputs/0/data"]),
        ({"inputs": [{**WEIGHT, "data": None}, SERVICE]}, ["/inputs/0/data"]),
        ({"inputs": [{**WEIGHT, "datatype": "INT8", "data": [1, 128]}, SERVICE]}, ["/inputs/0/data/1"]),
        ({"inputs": [{**WEIGHT, "parameters": []}, SERVICE]}, ["/inputs/0/parameters"]),
        (
            {"inputs": [{**WEIGHT, "parameters": {"shared_memory_region": "x"}}, SERVICE]},
            ["/inputs/0/parameters/shared_memory_region"],
        ),
        (
            {"inputs": [{**WEIGHT, "parameters": {"binary_data_size": 16}}, SERVICE]},
            ["/inputs/0/parameters/binary_data_size"],
        ),
        ({"inputs": [WEIGHT, SERVICE], "id": 7}, ["/id"]),
        ({"inputs": [WEIGHT, SERVICE], "parameters": 7}, ["/parameters"]),
        (
            {"inputs": [WEIGHT, SERVICE], "parameters": {"binary_data_output": 1}},
            ["/parameters/binary_data_output"],
        ),
        ({"inputs": [WEIGHT, SERVICE], "outputs": {}}, ["/outputs"]),
        ({"inputs": [WEIGHT, SERVICE], "outputs": [{"name": "value"}]}, ["/outputs/0/name"]),
        ({"inputs": [WEIGHT, SERVICE], "outputs": [{"name": "label"}] * 2}, ["/outputs/1/name"]),
        (
            {
                "inputs": [WEIGHT, SERVICE],
                "outputs": [{"name": "label", "parameters": {"classification": 2}}],
            },
            ["/outputs/0/parameters/classification"],
        ),
        (
            {"inputs": [{**WEIGHT, "data": [0, None]}, {**SERVICE, "data": ["x", ["express"]]}]},
            ["/inputs/0/data/0", "/inputs/1/data/0", "/inputs/0/data/1", "/inputs/1/data/1"],
        ),
    ],
)
def test_every_wrong_part_is_pointed_at(body: Any, pointers: list[str]) -> None:
    assert list(wrong(body)) == pointers


def test_a_wrong_tensor_does_not_shift_the_binary_data_of_the_next() -> None:
    size = {"binary_data_size": 16}
    body = {
        "inputs": [
            {"name": "stranger", "datatype": "FP64", "shape": [2], "parameters": size},
            {"name": "weight", "datatype": "FP64", "shape": [2], "parameters": size},
            SERVICE,
        ]
    }
    assert list(wrong(body, tensors.pack("FP64", [9, 9, 1, 2]))) == ["/inputs/0/name"]


def test_bytes_that_belong_to_no_tensor_are_refused() -> None:
    assert wrong({"inputs": [WEIGHT, SERVICE]}, b"\0") == {
        "/inputs": "1 bytes follow the JSON; allowed: 0, as the tensors' binary_data_size say"
    }


def test_a_row_of_a_binary_tensor_is_pointed_at_too() -> None:
    weight = {**WEIGHT, "datatype": "FP32", "parameters": {"binary_data_size": 8}}
    assert wrong({"inputs": [weight, SERVICE]}, tensors.pack("FP32", [1, 101])) == {
        "/inputs/0/data/1": "got 101.0; allowed: at most 100"
    }


def test_a_bound_is_met_by_the_float32_that_is_nearest_to_it() -> None:
    weight = {**WEIGHT, "datatype": "FP32", "parameters": {"binary_data_size": 8}}
    found = request.parse_request(SPEC, {"inputs": [weight, SERVICE]}, tensors.pack("FP32", [0.1, 100]))
    assert [row["weight"] for row in found.instances] == [0.1, 100]


# any spec, any rows, as Triton's own client writes them


def array(column: Column, values: Sequence[Any]) -> tuple[str, Any]:
    datatype = model.datatypes(column)[0]
    kinds = {"FP32": ("FP64", np.float64), "BOOL": ("BOOL", np.bool_), "BYTES": ("BYTES", np.object_)}
    name, kind = kinds[datatype]
    return name, np.array(values, dtype=kind)


@examples(60)
@given(st.data(), specs(), st.sampled_from(["binary", "JSON"]))
def test_what_tritons_client_writes_are_the_instances(
    data: st.DataObject, spec: ModelSpec, form: str
) -> None:
    from tritonclient.http import InferInput  # noqa: PLC0415 - starts gevent, which no other test of the domain needs
    from tritonclient.http._utils import _get_inference_request  # noqa: PLC0415

    columns = [column for column in spec.columns if not column.optional]
    drawn = data.draw(st.lists(instances(spec), min_size=1, max_size=3))
    rows = [{column.name: row[column.name] for column in columns} for row in drawn]
    if not columns:
        return
    inputs = []
    for column in columns:
        datatype, values = array(column, [row[column.name] for row in rows])
        inputs.append(InferInput(column.name, [len(rows)], datatype))
        inputs[-1].set_data_from_numpy(values, binary_data=form == "binary")
    body, length = _get_inference_request(inputs, "1", None, 0, False, False, 0, None, None)
    found = request.parse_request(spec, json.loads(body[:length]), body[length:] if length else b"")
    assert found.instances == rows


TENSOR = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["weight", "service", "height", "note", "x"]) | ANY,
        "datatype": st.sampled_from([*tensors.DATATYPES, "X"]) | ANY,
        "shape": st.lists(st.integers(-1, 3), max_size=3) | ANY,
        "data": st.lists(ANY | st.lists(ANY, max_size=2), max_size=3) | ANY,
        "parameters": st.dictionaries(st.sampled_from(["binary_data_size", "binary_data"]), ANY) | ANY,
    },
)
BODY = ANY | st.fixed_dictionaries(
    {},
    optional={name: st.lists(TENSOR, max_size=3) | ANY for name in ("inputs", "outputs", "parameters", "id")},
)


@given(BODY, st.binary(max_size=20))
def test_any_request_is_read_or_told_what_is_wrong_with_it(body: Any, tail: bytes) -> None:
    errors: tuple[FieldError, ...] = ()
    try:
        found = request.parse_request(SPEC, body, tail).instances
    except InvalidInstancesError as error:
        found, errors = [], error.errors
    assert bool(found) != bool(errors)
