"""Use Relearn: predictions, feedback and exports. Without an answer the shop works as it did before."""

from __future__ import annotations

import csv
import io
import os

import click
from flask.cli import with_appcontext
from sqlalchemy import ForeignKey, String, cast, delete, literal, or_, select, update
from sqlalchemy.orm import Mapped, backref, mapped_column, relationship

from relearn_client import Breaker, Classification, Client, Ranking, RelearnClientError, SigV4
from shop.database import Base, session
from shop.tables import Event, Product, Ticket

SURE = float(os.environ.get("SHOP_SURE", "0.7"))  # a person sorts less likely tickets
PAGE_SECONDS, SHOWN, MOST_ROWS = float(os.environ.get("SHOP_PAGE_SECONDS", "1")), 4, 50_000
DECIDED = or_(Ticket.decided_by == "person", Ticket.status == "closed")  # never the model's own guess
relearn = Breaker(lambda: connect(PAGE_SECONDS), cool_down_seconds=20)
TICKET = (literal("ticket:") + cast(Ticket.id, String) + ":" + Ticket.queue).label("row")  # moved: a new row
EVENT = (literal("event:") + cast(Event.id, String)).label("row")
ROWS = {
    "tickets": select(TICKET, Ticket.subject, Ticket.body, Ticket.queue).where(DECIDED),
    "products": select(EVENT, Event.customer_id, Event.product_id, Event.kind, Event.at),
}
HEADERS = {"tickets": ("subject", "body", "queue"), "products": ("visitor", "product", "event", "at")}
TABLES = {"products": "events"}


class Suggestion(Base):
    """Prediction of a ticket's queue, and whether the ground truth was sent."""

    __tablename__ = "suggestions"
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    queue: Mapped[str] = mapped_column(String(20))
    probability: Mapped[float]
    prediction_id: Mapped[str] = mapped_column(String(100))
    told: Mapped[bool] = mapped_column(default=False)
    ticket: Mapped[Ticket] = relationship(backref=backref("suggestion", uselist=False))


class Exported(Base):
    """Row of training data that was exported, and the upload that contains it."""

    __tablename__ = "exported"
    row: Mapped[str] = mapped_column(String(100), primary_key=True)
    model: Mapped[str] = mapped_column(String(20))
    upload: Mapped[str] = mapped_column(String(100), index=True)
    sent: Mapped[bool]


def connect(seconds: float = 60.0) -> Client:
    """Return a client of the API at RELEARN_URL, or of the laptop cloud; ``seconds`` is its deadline."""
    if url := os.environ.get("RELEARN_URL"):
        return Client(url, auth=SigV4(), deadline_seconds=seconds)
    return Client.local(os.environ.get("RELEARN_LOCAL", ".relearn/local.json"), deadline_seconds=seconds)


def classify(ticket: Ticket) -> None:
    """Put a new ticket into the predicted queue if the model is sure enough."""
    instance = {"subject": ticket.subject, "body": ticket.body}
    answer = relearn.ask("tickets", lambda client: client.predict("tickets", [instance]))
    if answer and isinstance(said := answer.predictions[0], Classification):
        likely = said.probabilities[said.label]
        session().add(Suggestion(ticket=ticket, queue=said.label, probability=likely, prediction_id=said.id))
        if likely >= SURE:
            ticket.queue, ticket.decided_by = said.label, "model"
        session().commit()


def recommend(**about: str) -> list[Product]:
    """Return products for a visitor=, or similar_to= a product; none when the model does not know it."""
    answer = relearn.ask("products", lambda client: client.predict("products", [about]))
    if not (answer and isinstance(said := answer.predictions[0], Ranking) and said.basis != "popularity"):
        return []
    ids = [one.item for one in said.items]
    found = {one.id: one for one in session().scalars(select(Product).where(Product.id.in_(ids)))}
    return [found[one] for one in ids if one in found][:SHOWN]


def tell() -> None:
    """Send the decided queues as ground truth; without an answer they are sent again the next time."""
    due = select(Suggestion).join(Ticket).where(~Suggestion.told, DECIDED)
    decided = session().scalars(due.order_by(Suggestion.ticket_id.desc()).limit(1000)).all()
    truths = [(one.prediction_id, one.ticket.queue) for one in decided]
    answer = relearn.ask("feedback", lambda client: client.feedback("tickets", truths)) if truths else None
    for one, result in zip(decided, answer.results if answer else (), strict=False):
        one.told = result.state != "unknown"  # unknown: its record is not stored yet
    session().commit()


@click.command()
@click.option("--known", is_flag=True, help="Send nothing: the models have what is there now, as their seed.")
@with_appcontext
def export(*, known: bool) -> None:
    """Send new decisions as feedback, and upload new decided tickets and new events, each once."""
    tell()
    try:
        client = None if known else connect()
        for model in ROWS:
            if client:
                _settle(client, model)
            while count := _send_new(client, model):
                click.echo(f"{model}: {count} {'row' if count == 1 else 'rows'}")
    except RelearnClientError as error:
        raise click.ClickException(f"what was not sent is sent by the next export: {error}") from error


def _settle(client: Client, model: str) -> None:
    """Settle the uploads of an interrupted export: the file arrived, or its rows are new again."""
    begun = select(Exported.upload).where(Exported.model == model, ~Exported.sent).distinct()
    for upload in session().scalars(begun).all():
        lost = client.upload(model, upload).state in ("WAITING_FOR_FILE", "EXPIRED")
        change = delete(Exported) if lost else update(Exported).values(sent=True)
        session().execute(change.where(Exported.upload == upload))
        session().commit()


def _send_new(client: Client | None, model: str) -> int:
    rows = ROWS[model].subquery()
    new = select(rows).where(rows.c.row.not_in(select(Exported.row))).limit(MOST_ROWS)
    if found := session().execute(new).all():
        begun = client.create_upload(model, "shop.csv", table=TABLES.get(model)) if client else None
        upload = begun.upload if begun else "seed"
        session().add_all(Exported(row=one.row, model=model, upload=upload, sent=False) for one in found)
        session().commit()  # before the file is sent, so that `_settle` can ask for it
        if client and begun and begun.form:
            text = io.StringIO(newline="")
            csv.writer(text).writerows([HEADERS[model], *(one[1:] for one in found)])
            client.send(begun.form, text.getvalue().encode())
        session().execute(update(Exported).where(Exported.upload == upload).values(sent=True))
        session().commit()
    return len(found)
