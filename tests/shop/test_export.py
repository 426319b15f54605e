"""What people did becomes what the models learn from: each row once, whatever happens on the way."""

from __future__ import annotations

import csv
import io

import pytest
from flask import Flask

from tests.shop.api import Api
from tests.shop.ordinary.conftest import Enter
from tests.shop.test_tickets import sort


def export(app: Flask, *options: str, code: int = 0) -> str:
    done = app.test_cli_runner().invoke(args=["export", *options])
    assert done.exit_code == code, done.output
    return str(done.output)


def sent(api: Api, model: str) -> list[list[str]]:
    """All rows that arrived for a model, without the headers."""
    files = [text for owner, text in api.files.values() if owner == model]
    return [row for text in files for row in list(csv.reader(io.StringIO(text)))[1:]]


def test_what_a_person_decided_goes_out(api: Api, app: Flask, enter: Enter) -> None:
    number = enter("Mia").writes("配送", 'Where is "it"?\nTell me, please')
    sort(enter("agent"), number, "delivery")
    export(app)
    assert sent(api, "tickets") == [
        ["配送", 'Where is "it"?\r\nTell me, please'.replace("\r", ""), "delivery"]
    ]
    assert api.begun["u-0"] == ("tickets", "main")


def test_the_models_own_guess_does_not(api: Api, app: Flask, enter: Enter) -> None:
    number, agent = enter("Mia").writes("Hello", "It is broken"), enter("agent")
    export(app)
    assert sent(api, "tickets") == []
    agent.send(f"/desk/{number}", f"/desk/{number}/close", answer="Done")
    export(app)
    assert sent(api, "tickets") == [["Hello", "It is broken", "returns"]]


def test_events_go_out_into_their_table(api: Api, app: Flask, enter: Enter) -> None:
    mia = enter("Mia")
    mia.see("/product/tea-01")
    mia.send("/product/tea-01", "/basket/add", product="tea-01")
    mia.send("/basket", "/basket/buy")
    export(app)
    assert api.begun["u-0"] == ("products", "events")
    assert [row[1:3] for row in sent(api, "products")] == [
        ["tea-01", "view"], ["tea-01", "view"], ["tea-01", "cart"], ["tea-01", "purchase"],
    ]  # fmt: skip


def test_a_row_goes_out_once(api: Api, app: Flask, enter: Enter) -> None:
    mia = enter("Mia")
    mia.see("/product/tea-01")
    export(app)
    assert export(app) == ""
    mia.see("/product/tea-02")
    export(app)
    assert [row[1] for row in sent(api, "products")] == ["tea-01", "tea-02"]


def test_a_ticket_that_is_moved_later_goes_out_again(api: Api, app: Flask, enter: Enter) -> None:
    number, agent = enter("Mia").writes("Hello", "It is late"), enter("agent")
    for queue in ("delivery", "billing", "billing"):
        sort(agent, number, queue)
        export(app)
    assert [row[2] for row in sent(api, "tickets")] == ["delivery", "billing"]


def test_of_what_the_models_know_already_nothing_is_sent(api: Api, app: Flask, enter: Enter) -> None:
    mia = enter("Mia")
    mia.see("/product/tea-01")
    assert export(app, "--known") == "products: 1 row\n"
    mia.see("/product/tea-02")
    export(app)
    assert [row[1] for row in sent(api, "products")] == ["tea-02"]


@pytest.mark.parametrize("failure", ["uploads", "file", "after the file"])
def test_an_export_that_breaks_off_is_finished_by_the_next(
    api: Api, app: Flask, enter: Enter, failure: str
) -> None:
    mia = enter("Mia")
    mia.see("/product/tea-01")
    api.down = frozenset({failure})
    assert "what was not sent is sent by the next export" in export(app, code=1)
    mia.see("/product/tea-02")
    api.down = frozenset()
    export(app)
    assert sorted(row[1] for row in sent(api, "products")) == ["tea-01", "tea-02"]


def test_the_rest_of_a_large_table_goes_out_in_further_files(
    api: Api, app: Flask, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop.ml.MOST_ROWS", 2)
    mia = enter("Mia")
    for number in range(1, 6):
        mia.see(f"/product/tea-{number:02}")
    assert export(app) == "products: 2 rows\nproducts: 2 rows\nproducts: 1 row\n"
    assert len(sent(api, "products")) == 5
