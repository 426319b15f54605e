"""A graph whose tensors lie in files of their own is refused, wherever in it they are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from relearn.errors import ArtifactError
from scoring import graph_files

X, Y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy")


def outside(place: str = "/etc/passwd") -> TensorProto:
    """Make a tensor that lies in another file."""
    tensor = numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    return tensor


def within() -> TensorProto:
    return numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")


def initializer(tensor: TensorProto) -> onnx.ModelProto:
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "location", [X], [Y], [tensor])
    return helper.make_model(graph)


def constant(tensor: TensorProto) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Constant", [], ["w"], value=tensor),
        helper.make_node("Add", ["x", "w"], ["y"]),
    ]
    return helper.make_model(helper.make_graph(nodes, "location", [X], [Y]))


def branch(tensor: TensorProto) -> onnx.ModelProto:
    inner = constant(tensor).graph
    node = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    return helper.make_model(helper.make_graph([node], "location", [X], [Y]))


def sparse(tensor: TensorProto) -> onnx.ModelProto:
    model = initializer(within())
    model.graph.sparse_initializer.add().values.CopyFrom(tensor)
    return model


def function(tensor: TensorProto) -> onnx.ModelProto:
    node = helper.make_node("Constant", [], ["y"], value=tensor)
    own = helper.make_function("own", "f", [], ["y"], [node], [helper.make_opsetid("", 17)])
    model = initializer(within())
    model.functions.append(own)
    return model


def training(tensor: TensorProto) -> onnx.ModelProto:
    model = initializer(within())
    model.training_info.add().algorithm.initializer.append(tensor)
    return model


@pytest.mark.parametrize("make", [initializer, constant, branch, sparse, function, training])
def test_a_tensor_in_another_file_is_refused_and_one_within_is_not(
    make: Callable[[TensorProto], onnx.ModelProto],
) -> None:
    graph_files.refuse(make(within()).SerializeToString(), "model.onnx")
    with pytest.raises(ArtifactError, match=r"a tensor of model\.onnx lies in another file"):
        graph_files.refuse(make(outside()).SerializeToString(), "model.onnx")


def test_what_can_not_be_followed_is_refused_when_it_might_name_a_file() -> None:
    with pytest.raises(ArtifactError, match="no ONNX graph"):
        graph_files.refuse(b"\x0blocation", "model.onnx")
    graph_files.refuse(b"no graph at all", "model.onnx")  # onnxruntime says so


@given(st.binary())
def test_no_bytes_end_in_another_error(noise: bytes) -> None:
    with suppress(ArtifactError):
        graph_files.refuse(noise + b"location", "model.onnx")
