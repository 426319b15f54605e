"""Refuse a graph that refers to files: loading an ONNX tensor with external data would read that file.

A graph is a protobuf message; only the fields that lead to tensors are followed. Field numbers are those of
``onnx.proto`` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). A server imports this module, so it needs the
standard library alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from relearn.errors import ArtifactError

_KEY = b"location"
"""Key in ``external_data`` without which a tensor refers to no file."""
_INSIDE = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_WIDTHS = {_FIXED_64: 8, _FIXED_32: 4}
_LONGEST_VARINT = 10


def refuse(onnx: bytes, name: str) -> None:
    """Refuse a graph with a tensor whose data is in another file.

    Parameters
    ----------
    onnx
        Serialised ONNX graph.
    name
        Name of the graph in messages.

    Raises
    ------
    ArtifactError
        A tensor is in another file; or the graph may have one, but cannot be parsed.
    """
    if _KEY not in onnx:  # true of nearly every graph
        return
    left = [("model", 0, len(onnx))]
    while left:
        kind, start, end = left.pop()
        for field, wire, first, last in _fields(onnx, start, end, name):
            if kind == "tensor" and (field == _EXTERNAL_DATA or (field == _DATA_LOCATION and last)):
                raise ArtifactError(f"a tensor of {name} lies in another file; allowed: within {name}")
            if wire == _BYTES and field in _INSIDE[kind]:
                left.append((_INSIDE[kind][field], first, last))


def _fields(data: bytes, at: int, end: int, name: str) -> Iterator[tuple[int, int, int, int]]:
    """Yield field number, wire type, start and end of each field; for a varint, its value instead of the end.

    Raises
    ------
    ArtifactError
        The bytes are not a protobuf message.
    """
    while at < end:
        tag, at = _varint(data, at, end, name)
        field, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at, end, name)
            yield field, wire, at, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at, end, name)
        elif wire in _WIDTHS:
            size = _WIDTHS[wire]
        else:
            raise _damaged(name)
        if at + size > end:
            raise _damaged(name)
        yield field, wire, at, at + size
        at += size


def _varint(data: bytes, at: int, end: int, name: str) -> tuple[int, int]:
    value = 0
    for place in range(min(_LONGEST_VARINT, end - at)):
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:  # noqa: PLR2004 - the last byte of the number
            return value, at + place + 1
    raise _damaged(name)


def _damaged(name: str) -> ArtifactError:
    return ArtifactError(f"{name} is no ONNX graph")
