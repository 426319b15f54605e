"""The shop's commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from shop.tables import Customer, Event, Product, Ticket
from tests.shop.ordinary.conftest import Read


def test_the_catalogue_is_filled_once(app: Flask, db: Read) -> None:
    again = app.test_cli_runner().invoke(args=["init-db"])
    assert again.output == "0 products are new, 120 were there\n"
    assert db(select(func.count(Product.id))) == [(120,)]


def test_history_is_taken_over(app: Flask, db: Read, tmp_path: Path) -> None:
    tickets, events = tmp_path / "tickets.csv", tmp_path / "events.csv"
    tickets.write_text('subject,body,queue\nHi,"two\nlines, 日本語",returns\n')
    events.write_text("visitor,product,event,at\nv1,tea-01,view,2026-05-01T09:00:00+09:00\n")
    done = app.test_cli_runner().invoke(
        args=["import-history", "--tickets", str(tickets), "--events", str(events)]
    )
    assert done.exit_code == 0
    found = select(Ticket.body, Ticket.queue, Ticket.decided_by, Ticket.status)
    assert db(found) == [("two\nlines, 日本語", "returns", "person", "closed")]
    assert db(select(Customer.id, Customer.name)) == [("v1", "v1")]
    [(product, at)] = db(select(Event.product_id, Event.at))
    assert (product, str(at)) == ("tea-01", "2026-05-01 00:00:00")


WRONG = {
    "queue: got 'cars'; allowed: account, ": ("--tickets", "subject,body,queue\na,b,returns\na,b,cars\n"),
    "event: got 'steal'; allowed: ": ("--events", "visitor,product,event,at\nv1,tea-01,steal,2026-05-01\n"),
    "product: got 'tea-99'; allowed: ": ("--events", "visitor,product,event,at\nv1,tea-99,view,2026-05-01\n"),
    "at: got 'noon'; allowed: ": ("--events", "visitor,product,event,at\nv1,tea-01,view,noon\n"),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_file_is_refused_whole(app: Flask, db: Read, tmp_path: Path, message: str) -> None:
    option, text = WRONG[message]
    file = tmp_path / "wrong.csv"
    file.write_text(text)
    done = app.test_cli_runner().invoke(args=["import-history", option, str(file)])
    assert done.exit_code == 1
    assert message in done.output
    assert db(select(func.count(Ticket.id))) == db(select(func.count(Event.id))) == [(0,)]
