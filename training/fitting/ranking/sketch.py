"""Build an ONNX graph node by node, with generated names.

Inputs are named as columns of the spec. Every other name starts with `OURS`, as no column can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from scoring.encode import Array

ML = "ai.onnx.ml"
OPSETS = (("", 18), (ML, 3))
IR_VERSION = 8  # version that came with these operator sets
OURS = "_"
"""Prefix of every name but those of inputs."""


class Sketch:
    """ONNX graph under construction."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._held: dict[str, onnx.TensorProto] = {}

    def node(self, operator: str, *inputs: str, to: str | None = None, **attributes: Any) -> str:
        """Add a node with one output, and return the output's name."""
        return self.nodes(operator, *inputs, to=(to or f"t{len(self._nodes)}",), **attributes)[0]

    def nodes(self, operator: str, *inputs: str, to: Sequence[str], **attributes: Any) -> Sequence[str]:
        """Add a node with several outputs, and return their names."""
        domain = ML if operator == "LabelEncoder" else ""
        made = [f"{OURS}{name}" for name in to]
        self._nodes.append(
            helper.make_node(
                operator, inputs, made, name=f"n{len(self._nodes)}", domain=domain or None, **attributes
            )
        )
        return made

    def hold(self, name: str, values: Array) -> str:
        """Store an array in the graph, once per name, and return its full name."""
        name = f"{OURS}{name}"
        if name not in self._held:
            if values.dtype == object:
                tensor = helper.make_tensor(name, TensorProto.STRING, values.shape, values)
            else:
                tensor = numpy_helper.from_array(np.ascontiguousarray(values), name)
            self._held[name] = tensor
        return name

    def number(self, value: int, kind: type = np.int64) -> str:
        """Store a number in the graph with shape (1,), and return its name."""
        name = f"{kind.__name__}_{value}".replace("-", "minus_")
        return self.hold(name, np.array([value], kind))

    def model(
        self,
        name: str,
        inputs: Sequence[str],
        outputs: Sequence[tuple[str, int, list[str | int]]],
        about: Mapping[str, str],
    ) -> onnx.ModelProto:
        """Return the finished model.

        Parameters
        ----------
        name
            Name of the graph.
        inputs
            Names of the inputs: strings of shape (rows, 1).
        outputs
            Name as given to `node`, element type and shape of each output.
        about
            Metadata of the model.
        """
        given = [helper.make_tensor_value_info(one, TensorProto.STRING, ["rows", 1]) for one in inputs]
        made = [helper.make_tensor_value_info(f"{OURS}{one}", kind, shape) for one, kind, shape in outputs]
        graph = helper.make_graph(self._nodes, name, given, made, list(self._held.values()))
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(*each) for each in OPSETS],
            ir_version=IR_VERSION,
            producer_name="relearn",
        )
        helper.set_model_props(model, dict(about))
        return model
