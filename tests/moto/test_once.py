"""Lines end up in exactly one object, once: whoever sends them how often, in whatever batches, and dies at it."""

from __future__ import annotations

import threading
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.aws import clients
from lambdas.aws.dynamo.exactly_once import Line, Once, Placement, PlacementState
from lambdas.aws.dynamo.table import Put, Table
from lambdas.aws.s3.storage import Storage
from relearn.errors import ConflictError
from relearn.records.predictions import CLAIM_SECONDS, WRITER_SECONDS
from tests.support import turns
from tests.support.dynamo import ledger_table
from tests.support.examples import examples
from tests.support.turns import Bucket, Clock, Writer, WritersBucket, WritersTable
from tests.support.world import LAKE, TABLE, World

FOLDER = "predictions/flowers/dt=2026-05-04/"


def line(number: int, by: str = "w") -> Line:
    pk = f"PREDICTION#flowers#20260504t1000{number:02d}-{number:012x}"
    return Line(pk, "RECORD", f"{number} {by}".encode(), {"by": by})


class Shop:
    """A real table and bucket, and writers of lines."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = Clock()
        self.table = Table(clients.dynamodb(), TABLE)
        self.storage = Storage(clients.s3())

    def once(self, **other: Any) -> Once:
        parts: dict[str, Any] = {"table": self.table, "storage": self.storage, "bucket": LAKE} | other
        return Once(**parts, clock=self.clock, sleep=self.clock.sleep)

    def place(self, *numbers: int, by: str = "w") -> list[Placement]:
        return self.once().place([line(number, by) for number in numbers], FOLDER)

    def states(self, *numbers: int, by: str = "w") -> str:
        return " ".join(placement.state for placement in self.place(*numbers, by=by))

    def stored(self) -> list[str]:
        """Give the lines of all objects, sorted."""
        bodies = [self.world.s3.get_object(Bucket=LAKE, Key=key)["Body"].read() for key in self.world.lake()]
        assert all(body.endswith(b"\n") for body in bodies)
        return sorted(text for body in bodies for text in body.decode().splitlines())

    def die_before_the_object(self, *numbers: int) -> None:
        class Dying(Storage):
            def write(self, *_: Any) -> None:
                raise turns.DiedError

        with pytest.raises(turns.DiedError):
            self.once(storage=Dying(clients.s3())).place([line(number) for number in numbers], FOLDER)


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)


def test_lines_are_placed_in_one_object_of_the_folder_that_the_index_names(shop: Shop) -> None:
    placements = shop.place(2, 1)
    (key,) = shop.world.lake()
    assert key.startswith(f"{FOLDER}20260504t100002-")  # the time of the newest
    assert key.endswith(".jsonl")
    assert shop.stored() == ["1 w", "2 w"]
    assert [placement.state for placement in placements] == [PlacementState.PLACED, PlacementState.PLACED]
    item = shop.table.get(line(1).pk, "RECORD")
    assert item is not None
    assert (item["object"], item["by"]) == (key, "w")


def test_the_same_batch_again_is_known_and_writes_nothing(shop: Shop) -> None:
    shop.place(1, 2)
    again = shop.place(1, 2, by="other")
    assert [(placement.state, placement.item["by"]) for placement in again] == [
        (PlacementState.KNOWN, "w")
    ] * 2
    assert shop.stored() == ["1 w", "2 w"]


def test_batches_that_overlap_place_what_is_new(shop: Shop) -> None:
    assert shop.states(1, 2) == "placed placed"
    assert shop.states(3, 2, 4, 1, by="b") == "placed known placed known"
    assert shop.states(4, 5, by="c") == "known placed"
    assert shop.stored() == ["1 w", "2 w", "3 b", "4 b", "5 c"]


def test_of_lines_that_repeat_in_a_batch_the_first_counts(shop: Shop) -> None:
    placements = shop.once().place([line(1, "a"), line(2, "a"), line(1, "b")], FOLDER)
    assert [placement.state for placement in placements] == [
        PlacementState.PLACED,
        PlacementState.PLACED,
        PlacementState.KNOWN,
    ]
    assert placements[2].item["by"] == "a"
    assert shop.stored() == ["1 a", "2 a"]


def test_no_lines_are_no_object(shop: Shop) -> None:
    assert shop.place() == []
    assert shop.world.lake() == []


def test_what_a_dead_writer_claimed_is_placed_once_it_can_not_be_at_work_any_more(shop: Shop) -> None:
    shop.die_before_the_object(1, 2)
    with pytest.raises(ConflictError, match="2 of 2 lines are claimed by another writer"):
        shop.place(1, 2)
    shop.clock.sleep(CLAIM_SECONDS)
    assert shop.states(2, 1, 3, by="heir") == "placed placed placed"
    assert shop.stored() == ["1 heir", "2 heir", "3 heir"]


def test_lines_beside_those_that_another_writer_is_at_are_placed_all_the_same(shop: Shop) -> None:
    shop.die_before_the_object(1)
    with pytest.raises(ConflictError, match="1 of 3 lines are claimed"):
        shop.place(3, 1, 2)
    assert shop.stored() == ["2 w", "3 w"]
    shop.clock.sleep(CLAIM_SECONDS)
    assert shop.states(1, 2, 3, by="b") == "placed known known"
    assert shop.stored() == ["1 b", "2 w", "3 w"]


def test_a_writer_that_dies_after_its_object_leaves_nothing_to_do(shop: Shop) -> None:
    class Dying(Storage):
        def write(self, *given: Any) -> None:
            super().write(*given)
            raise turns.DiedError

    with pytest.raises(turns.DiedError):
        shop.once(storage=Dying(clients.s3())).place([line(1)], FOLDER)
    assert shop.states(1, by="b") == "known"
    shop.clock.sleep(CLAIM_SECONDS)
    assert shop.states(1, by="b") == "known"
    assert shop.stored() == ["1 w"]


def test_a_claim_whose_reply_was_lost_and_that_was_sent_again_is_ours(shop: Shop) -> None:
    class Forgetful(Table):
        def write(self, *writes: Any) -> None:
            super().write(*writes)
            raise ConflictError("the client tried again, and met its own item")

    placements = shop.once(table=Forgetful(clients.dynamodb(), TABLE)).place([line(1), line(2)], FOLDER)
    assert [placement.state for placement in placements] == [PlacementState.PLACED, PlacementState.PLACED]
    assert shop.stored() == ["1 w", "2 w"]


def test_an_object_that_fails_is_the_callers_failure_and_loses_nothing(shop: Shop) -> None:
    shop.world.s3.delete_bucket(Bucket=LAKE)
    with pytest.raises(shop.world.s3.exceptions.NoSuchBucket):
        shop.place(1)
    shop.world.s3.create_bucket(Bucket=LAKE, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    shop.clock.sleep(CLAIM_SECONDS)
    assert shop.states(1) == "placed"


def test_a_line_that_someone_put_into_an_object_of_its_own_is_known(shop: Shop) -> None:
    shop.table.write(Put(pk=line(1).pk, sk="RECORD", item={"object": f"{FOLDER}own.jsonl"}))
    shop.world.s3.put_object(Bucket=LAKE, Key=f"{FOLDER}own.jsonl", Body=b"1 own\n")
    assert shop.states(1, 2) == "known placed"
    assert shop.stored() == ["1 own", "2 w"]


def test_many_writers_at_once_place_every_line_once(shop: Shop) -> None:
    answers: list[list[Placement]] = []

    def write(by: str) -> None:
        lines = [line(number, by) for number in range(30)]
        once = Once(shop.table, shop.storage, LAKE, clock=shop.clock)
        while True:
            try:
                answers.append(once.place(lines, FOLDER))
            except ConflictError:
                continue
            return

    threads = [threading.Thread(target=write, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(text.split()[0]) for text in shop.stored()) == list(range(30))
    assert [placement.state for answer in answers for placement in answer].count(PlacementState.PLACED) == 30


class Play:
    """Any number of writers in memory, that do what a script says."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.table = ledger_table()
        self.bucket = Bucket()
        self.writers: list[Writer] = []
        self.sent: set[int] = set()
        self.answers: list[list[tuple[int, Placement]]] = []

    def start(self, numbers: set[int]) -> None:
        writer = Writer(self.clock)
        lines = [line(number, str(len(self.writers))) for number in sorted(numbers)]
        once = Once(
            cast("Table", WritersTable(self.table, writer)),
            cast("Storage", WritersBucket(self.bucket, writer)),
            LAKE,
            clock=self.clock,
            sleep=self.clock.sleep,
            threads=1,
        )
        self.sent |= numbers
        self.writers.append(writer)
        writer.begin(
            lambda: self.answers.append([*zip(sorted(numbers), once.place(lines, FOLDER), strict=True)])
        )

    def act(self, random: Random) -> None:
        """Start some writers, and let those that are there take turns, die, and take their time."""
        for _ in range(random.randint(1, 3)):
            self.start({random.randrange(2) for _ in range(2)})
        for _ in range(random.randint(5, 25)):
            alive = [writer for writer in self.writers if not writer.is_over]
            if alive:
                writer = random.choice(alive)
                writer.dies = random.random() < 0.05
                writer.step()
            self.clock.sleep(random.choice((0, 0, 0, 0, 0, 0, 0, 0, 0, 5)))

    def end(self) -> None:
        """Let everyone come to an end, and then someone send everything again."""
        for writer in self.writers:
            while not writer.is_over:
                writer.step()
            assert isinstance(writer.error, turns.DiedError | ConflictError | None), writer.error
        self.clock.sleep(CLAIM_SECONDS)
        self.start(self.sent)
        while not self.writers[-1].is_over:
            self.writers[-1].step()
        assert self.writers[-1].error is None


@examples(1000)
@given(st.integers(0, 2**32))  # a script drawn step by step is mostly short and dull
def test_however_writers_interleave_and_die_every_line_is_in_exactly_one_object_once(seed: int) -> None:
    random, play = Random(seed), Play()
    play.act(random)
    play.clock.sleep(random.choice((0, WRITER_SECONDS - 10, CLAIM_SECONDS)))
    play.act(random)
    play.end()
    stored = [
        (key, *text.split())
        for key, body in play.bucket.objects.items()
        for text in body.decode().splitlines()
    ]
    assert sorted(int(number) for _, number, _ in stored) == sorted(play.sent)
    for key, number, by in stored:
        item = play.table.get(line(int(number)).pk, "RECORD")
        assert item is not None
        assert (item["object"], item["by"]) == (key, by)
    placed = [
        number for answer in play.answers for number, what in answer if what.state is PlacementState.PLACED
    ]
    assert len(placed) == len(set(placed))
