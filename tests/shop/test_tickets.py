"""The classifier sorts tickets, and hears what people decide."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy import select

from shop.ml import Suggestion
from shop.tables import Ticket
from tests.shop.api import Api
from tests.shop.conftest import Clock
from tests.shop.ordinary.conftest import Enter, Person, Read

DECISION = select(Ticket.queue, Ticket.decided_by)


def sort(agent: Person, number: str, queue: str) -> None:
    assert agent.send(f"/desk/{number}", f"/desk/{number}/queue", queue=queue).status_code == 302


def export(app: Flask) -> int:
    return int(app.test_cli_runner().invoke(args=["export"]).exit_code)


@pytest.mark.usefixtures("api")
def test_a_ticket_goes_where_the_model_is_sure(enter: Enter, db: Read) -> None:
    mia = enter("Mia")
    number = mia.writes("割れていました", "返品したいです。")
    assert '<span class="queue returns">Returns</span>' in mia.see(f"/tickets/{number}")
    assert db(DECISION) == [("returns", "model")]
    page = enter("agent").see(f"/desk/{number}")
    assert "decided by model" in page
    assert "The model suggests Returns, 90 %." in page


def test_what_the_model_is_not_sure_of_a_person_decides(api: Api, enter: Enter, db: Read) -> None:
    api.likely = 0.69
    mia = enter("Mia")
    number = mia.writes("Hello", "A question")
    assert "A person will read it" in mia.see(f"/tickets/{number}")
    assert db(DECISION) == [(None, None)]
    assert "The model suggests Returns, 69 %." in enter("agent").see(f"/desk/{number}")


def test_a_correction_is_told(api: Api, enter: Enter, db: Read) -> None:
    number = enter("Mia").writes("Hello", "Where is my parcel?")
    sort(enter("agent"), number, "delivery")
    [(prediction,)] = db(select(Suggestion.prediction_id))
    assert api.truths == [(prediction, "delivery")]
    assert db(DECISION) == [("delivery", "person")]


def test_closing_a_ticket_confirms_its_queue(api: Api, enter: Enter) -> None:
    number, agent = enter("Mia").writes("Hello", "It is broken"), enter("agent")
    agent.send(f"/desk/{number}", f"/desk/{number}/close", answer="Done")
    assert [truth for _, truth in api.truths] == ["returns"]


def test_what_was_told_is_not_told_again(api: Api, app: Flask, enter: Enter) -> None:
    sort(enter("agent"), enter("Mia").writes("Hello", "Where is my parcel?"), "delivery")
    export(app)
    assert len(api.truths) == 1


@pytest.mark.parametrize("failure", ["down", "unknown"])
def test_what_the_api_did_not_take_in_is_told_by_the_next_export(
    api: Api, app: Flask, enter: Enter, clock: Clock, failure: str
) -> None:
    number = enter("Mia").writes("Hello", "Where is my parcel?")
    if failure == "down":
        api.down = frozenset({"feedback"})
    else:
        api.truth_state = "unknown"  # the record of the prediction has not arrived
    sort(enter("agent"), number, "delivery")
    assert api.truths == []
    api.down, api.truth_state, clock.now = frozenset(), "accepted", clock.now + 20
    assert export(app) == 0
    assert [truth for _, truth in api.truths] == ["delivery"]


def test_without_an_answer_a_ticket_is_taken_all_the_same(api: Api, enter: Enter, db: Read) -> None:
    api.down = frozenset({"tickets"})
    mia = enter("Mia")
    number = mia.writes("Hello", "A question")
    assert "A person will read it" in mia.see(f"/tickets/{number}")
    sort(enter("agent"), number, "billing")
    assert db(DECISION) == [("billing", "person")]
    assert api.truths == []


def test_an_api_that_hangs_is_waited_for_once(api: Api, enter: Enter, db: Read) -> None:
    api.slow = threading.Event()
    mia = enter("Mia")
    for _ in range(3):
        mia.writes("Hello", "A question")
    assert api.asked.count("tickets") == 1
    assert db(DECISION) == [(None, None)] * 3


def test_when_it_is_back_it_is_asked_again(api: Api, enter: Enter, db: Read, clock: Clock) -> None:
    api.down = frozenset({"tickets"})
    mia = enter("Mia")
    mia.writes("Hello", "A question")
    api.down, clock.now = frozenset(), clock.now + 20
    mia.writes("Hello", "A question")
    assert db(DECISION) == [(None, None), ("returns", "model")]
