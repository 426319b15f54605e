"""A list of ids is kept where it is named, or in parts when it is long, and is read back whole."""

from __future__ import annotations

import pytest

from relearn.lifecycle import id_lists


@pytest.mark.parametrize("count", [0, 1, 2000, 2001, 5000, 5001])
def test_a_list_of_any_length_is_read_back(count: int) -> None:
    ids = [f"id{number}" for number in range(count)]
    kept = {key: id_lists.ids_of(part) for key, part in id_lists.parts(ids)}
    assert id_lists.whole(id_lists.named(ids), kept.__getitem__) == tuple(ids)
    assert len(kept) == (0 if count <= 2000 else 1 if count <= 5000 else 2)


def test_a_short_list_is_held_as_it_is() -> None:
    assert id_lists.named(["a", "b"]) == ["a", "b"]


def test_a_long_list_says_how_long_it_is_and_where_its_parts_are() -> None:
    ids = [f"id{number}" for number in range(5001)]
    assert id_lists.named(ids) == {"length": 5001, "parts": [key for key, _ in id_lists.parts(ids)]}


def test_two_lists_that_begin_alike_share_their_parts() -> None:
    ids = [f"id{number}" for number in range(5001)]
    first, longer = (id_lists.named(one) for one in (ids, [*ids, "more"]))
    assert isinstance(first, dict)
    assert isinstance(longer, dict)
    assert first["parts"][0] == longer["parts"][0]
    assert first["parts"][1] != longer["parts"][1]
