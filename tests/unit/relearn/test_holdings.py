"""What a stage keeps of one model, and of no other."""

from __future__ import annotations

from relearn.records import holdings


def test_the_lock_of_a_model_is_the_one_that_ledgers_hold() -> None:
    assert holdings.lock("iris") == ("MODEL#iris", "LOCK")


def test_the_objects_of_a_model_lie_below_its_own_name_in_every_folder() -> None:
    found = holdings.prefixes("iris")
    assert found["uploads"] == ("incoming/iris/", "batches/iris/")
    assert found["artifacts"] == ("models/iris/", "experiments/iris/")
    assert found["lake"] == (
        "datasets/iris/", "quarantine/iris/", "reports/iris/", "snapshots/iris/", "profiles/iris/", "features/iris/",
        "spark/iris/", "batches/iris/", "predictions/iris/", "truth/iris/",
    )  # fmt: skip


def test_an_item_is_of_the_model_that_its_key_names() -> None:
    assert holdings.is_of("iris", "MODEL#iris")
    assert not any(holdings.is_of("iris", pk) for pk in ("MODEL#iris2", "MODEL#ir", "iris", "LIST#iris"))
