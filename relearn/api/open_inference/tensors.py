"""Encoding of tensor values in JSON and in the binary extension of the Open Inference Protocol (V2).

Binary data is little-endian, without padding: numbers in their own size, BOOL as one byte, an element of
BYTES as its length in four bytes followed by its bytes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

from relearn.spec.columns import shown

BOOL, BYTES, FP32 = "BOOL", "BYTES", "FP32"
_WHOLE = {"INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q"} | {
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
}
_FLOATS = {"FP16": "e", FP32: "f", "FP64": "d"}
_CODES = {BOOL: "B", **_WHOLE, **_FLOATS}
NUMBERS = (*_FLOATS, *_WHOLE)
"""Datatypes of numbers."""
DATATYPES = (BOOL, *NUMBERS, BYTES)
"""All datatypes."""
# Decimal digits that always survive in the datatype, and digits that always distinguish its values.
_DIGITS = {"FP16": (3, 5), FP32: (6, 9)}
_LENGTH = struct.Struct("<I")


def flatten(data: Sequence[Any], shape: Sequence[int]) -> list[Any]:
    """Return the values of a JSON tensor of shape [n] or [n, 1], whether or not its rows are lists."""
    if len(shape) == 1:
        return list(data)
    return [value[0] if isinstance(value, list) and len(value) == 1 else value for value in data]


def problem(datatype: str, value: object) -> str | None:
    """Describe why an integer datatype does not allow a number; None when it does, or for other datatypes."""
    if datatype not in _WHOLE or not isinstance(value, int | float) or isinstance(value, bool):
        return None
    bits = struct.calcsize(_WHOLE[datatype]) * 8
    low, high = (0, 2**bits - 1) if datatype.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if isinstance(value, int) and low <= value <= high:
        return None
    return f"got {shown(value)}; allowed for {datatype}: a whole number from {low} to {high}"


def unpack(datatype: str, data: bytes, count: int) -> list[Any]:
    """Decode a binary tensor.

    Parameters
    ----------
    datatype
        One of `DATATYPES`.
    data
        Bytes of the tensor.
    count
        Number of values.

    Returns
    -------
    list
        The values. FP16 and FP32 become the shortest decimal that rounds to the same number: 5.1 sent as FP32
        is 5.1. An element that its datatype does not allow (BOOL: not 0 or 1; BYTES: not UTF-8) stays a
        number or bytes.

    Raises
    ------
    ValueError
        The bytes are not ``count`` values.
    """
    if datatype == BYTES:
        return _strings(data, count)
    code = _CODES[datatype]
    if len(data) != (size := count * struct.calcsize(code)):
        raise ValueError(f"got {len(data)} bytes; allowed for {count} values of {datatype}: {size}")
    values = struct.unpack(f"<{count}{code}", data)
    if datatype == BOOL:
        return [bool(value) if value in (0, 1) else value for value in values]
    if datatype in _DIGITS:
        return [_shortest(datatype, value) for value in values]
    return list(values)


def pack(datatype: str, values: Sequence[Any]) -> bytes:
    """Encode a binary tensor.

    Parameters
    ----------
    datatype
        One of `DATATYPES`.
    values
        Numbers or booleans; strings for BYTES.

    Raises
    ------
    OverflowError
        A number is too large for the datatype.
    """
    if datatype == BYTES:
        texts = [value.encode() for value in values]
        return b"".join(_LENGTH.pack(len(text)) + text for text in texts)
    return struct.pack(f"<{len(values)}{_CODES[datatype]}", *values)


def _shortest(datatype: str, value: float) -> float:
    if not math.isfinite(value) or value.is_integer():
        return value
    size = struct.Struct(f"<{_CODES[datatype]}")
    exact, (first, last) = size.pack(value), _DIGITS[datatype]
    candidates = (float(f"{value:.{digits}g}") for digits in range(first, last + 1))
    return next(shorter for shorter in candidates if size.pack(shorter) == exact)


def _strings(data: bytes, count: int) -> list[Any]:
    values: list[Any] = []
    start = 0
    for _ in range(count):
        text = start + _LENGTH.size
        end = text + (_LENGTH.unpack_from(data, start)[0] if text <= len(data) else 0)
        if end > len(data):
            raise ValueError(f"got {len(data)} bytes, which end within value {len(values)} of {count}")
        values.append(_text(data[text:end]))
        start = end
    if start != len(data):
        raise ValueError(f"got {len(data)} bytes; the {count} values of BYTES end after {start}")
    return values


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
