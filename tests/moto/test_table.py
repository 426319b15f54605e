"""The table keeps one contract on moto's DynamoDB and on the one in memory, which tests of use cases run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from lambdas.aws.dynamo.table import ITEM_BYTES, TEXT_BYTES, Put, Table, Update, short, weigh, weight
from relearn.errors import ConflictError, TooMuchToKeepError
from relearn.ledger.attribute_values import decode, encode
from tests.support.dynamo import Dynamo
from tests.support.moto_dynamodb import moto_dynamodb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(params=["moto", "memory"])
def client(request: pytest.FixtureRequest) -> Iterator[DynamoDBClient]:
    if request.param == "memory":
        yield Dynamo("ledger").client()
        return
    with moto_dynamodb("ledger") as client:
        yield client


@pytest.fixture
def table(client: DynamoDBClient) -> Table:
    return Table(client, "ledger")


def put(sk: str, **item: Any) -> Put:
    return Put(pk="p", sk=sk, item=item)


def test_what_is_put_is_read_back(table: Table) -> None:
    item = {"text": "ü", "number": 3, "half": 0.5, "list": ["a", "b"], "map": {"x": 1}, "yes": True}
    table.write(put("a", **item))
    assert table.get("p", "a") == {"pk": "p", "sk": "a", **item}


def test_what_is_not_there_is_none(table: Table) -> None:
    assert table.get("p", "a") is None


def test_many_items_are_read_at_once_each_once_and_those_that_are_not_there_are_left_out(
    table: Table,
) -> None:
    for number in range(230):  # more than DynamoDB reads in one call
        table.write(put(f"i#{number}", n=number))
    keys = [("p", f"i#{number}") for number in range(-5, 230)]
    found = table.get_many([*keys, *keys])
    assert {key: item["n"] for key, item in found.items()} == {("p", f"i#{n}"): n for n in range(230)}
    assert table.get_many([]) == {}


def test_an_item_is_put_once_only(table: Table) -> None:
    table.write(put("a", n=1))
    with pytest.raises(ConflictError):
        table.write(put("a", n=2))
    found = table.get("p", "a")
    assert found is not None
    assert found["n"] == 1


def test_an_item_is_replaced_only_when_it_is_as_expected(table: Table) -> None:
    table.write(put("a", n=1))
    with pytest.raises(ConflictError):
        table.write(Put(pk="p", sk="a", item={"n": 3}, expected={"n": 2}))
    table.write(Put(pk="p", sk="a", item={"n": 3}, expected={"n": 1}))
    found = table.get("p", "a")
    assert found is not None
    assert found["n"] == 3


def test_an_update_changes_only_what_it_names_also_inside_a_map(table: Table) -> None:
    table.write(put("a", state="x", kept="k", times={"x": "1"}))
    table.write(Update(pk="p", sk="a", changes={"state": "y", "times.y": "2"}, expected={"state": "x"}))
    expected = {"state": "y", "kept": "k", "times": {"x": "1", "y": "2"}}
    assert table.get("p", "a") == {"pk": "p", "sk": "a", **expected}


def test_an_update_may_expect_an_entry_of_a_map(table: Table) -> None:
    table.write(put("a", n=1, times={"x": "1"}))
    for wrong in ({"times.x": "2"}, {"times.y": "1"}):
        with pytest.raises(ConflictError):
            table.write(Update(pk="p", sk="a", changes={"n": 2}, expected=wrong))
    table.write(Update(pk="p", sk="a", changes={"n": 2}, expected={"times.x": "1"}))
    found = table.get("p", "a")
    assert found is not None
    assert found["n"] == 2


@pytest.mark.parametrize(
    "update",
    [
        Update(pk="p", sk="i#a", changes={"n": 2}, expected={"state": "other"}),
        Update(pk="p", sk="i#a", changes={"n": 2}, unless={"mark": "m"}),
        Update(pk="p", sk="missing", changes={"n": 2}),
    ],
)
def test_an_update_whose_condition_fails_changes_nothing(table: Table, update: Update) -> None:
    table.write(put("i#a", n=1, state="x", mark="m"))
    with pytest.raises(ConflictError):
        table.write(update)
    assert [item["n"] for item in table.query("p", "i#")] == [1]


def test_an_update_unless_a_mark_is_there_happens_once(table: Table) -> None:
    table.write(put("a", n=1))
    update = Update(pk="p", sk="a", changes={"n": 2, "mark": "m"}, unless={"mark": "m"})
    table.write(update)
    with pytest.raises(ConflictError):
        table.write(update)


def test_several_writes_happen_all_or_not_at_all(table: Table) -> None:
    table.write(put("i#a", n=1))
    with pytest.raises(ConflictError):
        table.write(put("i#b", n=1), Update(pk="p", sk="i#a", changes={"n": 2}, expected={"n": 9}))
    assert table.get("p", "i#b") is None
    table.write(put("i#b", n=1), Update(pk="p", sk="i#a", changes={"n": 2}, expected={"n": 1}))
    assert [item["n"] for item in table.query("p", "i#")] == [2, 1]


def test_one_entry_of_a_map_may_be_what_is_expected(table: Table) -> None:
    table.write(Put(pk="p", sk="a", item={"asked": {"state": "x", "who": ""}}))
    for expected in ({"asked.state": "y"}, {"asked.nothing": "x"}, {"nothing.state": "x"}):
        with pytest.raises(ConflictError):
            table.write(Update(pk="p", sk="a", changes={"asked": {"state": "z"}}, expected=expected))
    table.write(Update(pk="p", sk="a", changes={"asked": {"state": "y"}}, expected={"asked.state": "x"}))
    found = table.get("p", "a")
    assert found is not None
    assert found["asked"] == {"state": "y"}


def test_an_item_is_deleted_only_when_it_is_as_expected(table: Table) -> None:
    table.write(put("a", n=1))
    assert table.delete("p", "a", {"n": 2}) is False
    assert table.delete("p", "a", {"n": 1}) is True
    assert table.delete("p", "a", {"n": 1}) is False
    assert table.get("p", "a") is None


def test_a_query_gives_the_items_of_a_prefix_in_order_and_of_the_states_wanted(table: Table) -> None:
    for sk, state in (("U#2", "y"), ("U#1", "x"), ("U#3", "z"), ("V#1", "x")):
        table.write(put(sk, state=state))
    assert [item["sk"] for item in table.query("p", "U#")] == ["U#1", "U#2", "U#3"]
    assert [item["sk"] for item in table.query("p", "U#", {"state": ["x", "z"]})] == ["U#1", "U#3"]
    assert [item["sk"] for item in table.query("p", "U#", newest=2)] == ["U#3", "U#2"]


def test_a_query_for_the_newest_goes_on_where_a_page_ended_before(table: Table) -> None:
    # "Query" in the DynamoDB API Reference: a page ends at 1 MB, however many items its Limit allows
    for number in range(10):
        table.write(put(f"U#{number}", lists=["x" * 8000] * 40))  # 320 KB each
    found = [item["sk"] for item in table.query("p", "U#", newest=8)]
    assert found == [f"U#{number}" for number in range(9, 1, -1)]


@pytest.mark.parametrize(
    ("before", "expected"),
    [("U#3", ["U#2", "U#1"]), ("U#2x", ["U#2", "U#1"]), ("U#1", []), ("U#9", ["U#3", "U#2"])],
)
def test_a_query_for_the_newest_may_begin_anywhere(table: Table, before: str, expected: list[str]) -> None:
    for sk in ("T#1", "U#1", "U#2", "U#3", "V#1"):
        table.write(put(sk))
    assert [item["sk"] for item in table.query("p", "U#", newest=2, before=before)] == expected


def test_a_query_gives_every_page(table: Table) -> None:
    for number in range(5):  # a page holds 1 MB
        table.write(put(f"U#{number}", text="x" * 390_000))
    assert len(list(table.query("p", "U#"))) == 5


def test_other_errors_are_not_taken_for_lost_conditions(client: DynamoDBClient) -> None:
    client.delete_table(TableName="ledger")
    table = Table(client, "ledger")
    calls: list[Callable[[], Any]] = [
        lambda: table.write(put("a")),
        lambda: table.delete("p", "a", {"n": 1}),
    ]
    for call in calls:
        with pytest.raises(ClientError) as told:
            call()
        assert told.value.response["Error"]["Code"] == "ResourceNotFoundException"


NUMBERS = st.integers(-(10**30), 10**30) | st.floats(-1e100, 1e100).filter(lambda x: abs(x) > 1e-120)
VALUES = st.recursive(
    st.text() | st.booleans() | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_values_survive_dynamodbs_json(value: Any) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize("value", [1e-200, -1e-200, 5e-324, 0.0])
def test_what_is_too_small_for_dynamodb_is_zero(value: float) -> None:
    assert decode(encode(value)) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, b"bytes", object()])
def test_what_the_ledger_can_not_hold_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="the ledger cannot hold"):
        encode(value)


NESTED = st.recursive(
    st.text() | st.integers() | st.builds(str.__mul__, st.text(min_size=1), st.integers(1000, 20_000)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for one in value for text in texts(one)]
        case dict():
            return [text for one in value.values() for text in texts(one)]
    return []


@given(NESTED)
def test_no_text_within_a_value_is_longer_than_the_ledger_keeps(value: Any) -> None:
    kept = short(value)
    assert all(len(text.encode()) <= TEXT_BYTES for text in texts(kept))
    if all(len(text.encode("utf-8", "replace")) <= TEXT_BYTES // 4 for text in texts(value)):
        assert kept == value


@pytest.mark.parametrize("letter", ["a", "日", "😀"])
def test_a_reason_of_any_length_is_written_down_cut_and_says_so(table: Table, letter: str) -> None:
    table.write(put("a", state="x", reason=letter * 500_000, times={}))
    table.write(Update(pk="p", sk="a", changes={"reason": letter * 500_000, "times.y": letter * 500_000}))
    item = table.get("p", "a")
    assert item is not None
    for said in (item["reason"], item["times"]["y"]):
        assert len(said.encode()) <= TEXT_BYTES
        assert "[cut; it has" in said


def test_what_its_writer_weighs_is_kept_whole(table: Table) -> None:
    table.write(Put(pk="p", sk="a", item={"answer": "a" * 300_000}, whole=("answer",)))
    item = table.get("p", "a")
    assert item is not None
    assert len(item["answer"]) == 300_000


@pytest.mark.parametrize("write", ["put", "update"])
@pytest.mark.parametrize("ids", [5_700, 6_000])
def test_a_list_of_any_length_is_kept_or_refused_by_its_name_and_never_by_dynamodb(
    table: Table, ids: int, write: str
) -> None:
    table.write(put("a", n=1))
    snapshot = [f"{number:064}" for number in range(ids)]
    wanted = (
        put("b", snapshot=snapshot, reason="x")
        if write == "put"
        else Update(pk="p", sk="a", changes={"snapshot": snapshot, "n": 2})
    )
    if ids < 6_000:
        table.write(wanted)
        found = table.get("p", wanted.sk)
        assert found is not None
        assert found["snapshot"] == snapshot
        return
    with pytest.raises(TooMuchToKeepError, match="'snapshot'; allowed: at most 390000"):
        table.write(wanted)
    assert table.get("p", "b") is None
    assert (table.get("p", "a") or {})["n"] == 1


def test_of_several_writes_none_is_done_when_one_is_too_large(table: Table) -> None:
    with pytest.raises(TooMuchToKeepError):
        table.write(put("a", n=1), put("b", names=["x" * 2000] * 300))
    assert table.get("p", "a") is None


@given(NESTED)
def test_an_item_weighs_every_byte_of_its_texts_and_names(value: Any) -> None:
    assert weight(encode(value)) >= sum(len(text.encode("utf-8", "replace")) for text in texts(value))
    assert weight(encode([value, value])) == 2 * weight(encode(value)) + 5


@given(st.lists(st.text(min_size=1).map(lambda text: text * 500), max_size=40), st.integers(1, 40))
def test_what_is_let_through_is_below_what_dynamodb_takes(names: list[str], times: int) -> None:
    write = put("a", names=names * times)
    size = sum(len(kept.encode()) for kept in short(names * times))
    try:
        weigh(write)
    except TooMuchToKeepError:
        assert size > ITEM_BYTES - 100 - 2 * len(names) * times
    else:
        assert size <= 400 * 1024
