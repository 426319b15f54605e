"""Values of tensors: in JSON, in binary, and there and back."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor, triton_to_np_dtype

from relearn.api.open_inference import tensors

WIDTHS = {"FP16": 16, "FP32": 32, "FP64": 64}
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)


def elements(datatype: str) -> st.SearchStrategy[Any]:
    if datatype == "BYTES":
        return WORDS
    if datatype == "BOOL":
        return st.booleans()
    if datatype in WIDTHS:
        return st.floats(width=WIDTHS[datatype], allow_nan=False)  # type: ignore[arg-type]
    info = np.iinfo(triton_to_np_dtype(datatype))
    return st.integers(int(info.min), int(info.max))


TENSORS = st.sampled_from(tensors.DATATYPES).flatmap(
    lambda datatype: st.tuples(st.just(datatype), st.lists(elements(datatype), max_size=9))
)


@given(TENSORS)
def test_what_is_written_as_binary_is_read_as_the_same(tensor: tuple[str, list[Any]]) -> None:
    datatype, values = tensor
    packed = tensors.pack(datatype, values)
    again = tensors.unpack(datatype, packed, len(values))
    assert tensors.pack(datatype, again) == packed
    if datatype not in ("FP16", "FP32"):  # of those the shortest decimal that is the same number is given
        assert again == values


@given(TENSORS)
def test_binary_is_what_tritons_client_sends_and_reads(tensor: tuple[str, list[Any]]) -> None:
    datatype, values = tensor
    array = np.array(values, dtype=triton_to_np_dtype(datatype))
    if datatype == "BYTES":
        theirs = serialize_byte_tensor(array).item() if values else b""
        assert list(deserialize_bytes_tensor(theirs)) == [value.encode() for value in values]
    else:
        theirs = array.tobytes()
    assert tensors.pack(datatype, values) == theirs


@given(st.decimals("-99999", "99999", places=3).filter(lambda number: len(number.as_tuple().digits) <= 6))
def test_a_decimal_sent_as_a_float32_stays_what_it_was(number: Any) -> None:
    assert tensors.unpack("FP32", struct.pack("<f", float(number)), 1) == [float(number)]


@given(st.floats(width=32, allow_nan=False))
def test_a_float32_stays_the_same_float32(number: float) -> None:
    (value,) = tensors.unpack("FP32", struct.pack("<f", number), 1)
    assert struct.pack("<f", value) == struct.pack("<f", number)


@pytest.mark.parametrize("number", [2.0**24 + 2, 16777218.0, 3.4028234663852886e38, -0.0])
def test_a_whole_number_is_not_rounded(number: float) -> None:
    assert tensors.unpack("FP32", struct.pack("<f", number), 1) == [number]


def test_nan_and_infinity_are_read_as_such() -> None:
    values = tensors.unpack("FP32", struct.pack("<3f", float("nan"), float("inf"), float("-inf")), 3)
    assert np.isnan(values[0])
    assert values[1:] == [float("inf"), float("-inf")]


@given(st.sampled_from(tensors.DATATYPES), st.binary(max_size=40), st.integers(1, 5))
def test_any_bytes_are_so_many_values_or_none(datatype: str, data: bytes, count: int) -> None:
    values, told = None, ""
    try:
        values = tensors.unpack(datatype, data, count)
    except ValueError as error:
        told = str(error)
    assert told.startswith(f"got {len(data)} bytes") if values is None else len(values) == count


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "got 0 bytes, which end within value 0 of 2"),
        (b"\1\0\0\0a\1\0\0", "got 8 bytes, which end within value 1 of 2"),
        (b"\1\0\0\0a\2\0\0\0b", "got 10 bytes, which end within value 1 of 2"),
        (b"\0\0\0\0\0\0\0\0c", "got 9 bytes; the 2 values of BYTES end after 8"),
    ],
)
def test_strings_that_do_not_fill_their_bytes_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tensors.unpack("BYTES", data, 2)


def test_what_is_no_value_of_its_datatype_stays_what_it_is() -> None:
    assert tensors.unpack("BOOL", b"\0\1\2", 3) == [False, True, 2]
    assert tensors.unpack("BYTES", b"\1\0\0\0\xff", 1) == [b"\xff"]


def test_the_rows_of_a_column_may_be_lists() -> None:
    assert tensors.flatten([[1], [2]], [2, 1]) == tensors.flatten([1, 2], [2, 1]) == [1, 2]
    assert tensors.flatten([[1], [2]], [2]) == [[1], [2]]  # a tensor of one dimension has no lists in it


@pytest.mark.parametrize("value", [300, -1, 3.5])
def test_a_number_that_its_datatype_does_not_have_is_told(value: float) -> None:
    assert tensors.problem("UINT8", value) == f"got {value}; allowed for UINT8: a whole number from 0 to 255"


@given(TENSORS)
def test_every_value_of_a_datatype_is_one(tensor: tuple[str, list[Any]]) -> None:
    datatype, values = tensor
    assert [tensors.problem(datatype, value) for value in values] == [None] * len(values)


def test_a_number_too_large_for_its_datatype_is_not_written() -> None:
    with pytest.raises(OverflowError):
        tensors.pack("FP32", [1e39])
