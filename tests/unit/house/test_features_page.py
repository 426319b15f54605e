"""docs/how-to/FEATURES.md: its code runs, its tests pass, and they would not if the features were wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.main import app

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "FEATURES.md"


@pytest.fixture(scope="module")
def code() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        exec(block, names)  # noqa: S102 - our own page
    return names


def test_the_tests_on_the_page_pass(code: dict[str, Any]) -> None:
    shown = [test for name, test in code.items() if name.startswith("test_")]
    assert len(shown) == 2
    for test in shown:
        test()


def test_the_schedules_on_the_page_are_taken(code: dict[str, Any]) -> None:
    assert code["DAILY"].on_upload
    assert not code["NIGHTLY"].on_upload


def test_the_backfill_on_the_page_is_a_command_that_is_understood() -> None:
    (line,) = (
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if "relearn --local backfill" in line
    )
    arguments = line.removeprefix(".venv/bin/relearn --local ").split()
    given = get_command(app).commands["backfill"].make_context("backfill", arguments[1:])  # type: ignore[attr-defined]
    assert given.params["model"] == "churn"
    assert given.params["save"].name == "features.parquet"


def test_the_message_on_the_page_is_what_a_leak_says(code: dict[str, Any]) -> None:
    def leaking(tables: Any) -> Any:
        orders, made = tables["orders"], code["features"](tables)
        ever = orders.group_by("customer_id").aggregate(ever=orders.count())
        joined = made.left_join(ever, "customer_id")
        kept = [name for name in made.columns if name != "orders_90d"]
        return joined.select(*kept, orders_90d=joined["ever"])

    more = [{"customer_id": "c1", "at": f"2026-05-2{day}", "amount": 1} for day in range(4)]
    tables = {**code["TABLES"], "orders": [*code["TABLES"]["orders"], *more]}
    with pytest.raises(AssertionError) as raised:
        code["assert_point_in_time"](code["SPEC"], leaking, tables)
    figures = re.compile(r"\d+\.\d+")
    said = figures.sub("N", str(raised.value))
    shown = re.search(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    assert said == figures.sub("N", " ".join(shown[1].split()))
