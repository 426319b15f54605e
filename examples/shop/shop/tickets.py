"""The visitor's side of the help desk: write a ticket, and read the answer."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from shop.accounts import require_visitor
from shop.database import session
from shop.ml import classify  # relearn
from shop.tables import MAX_BODY, MAX_SUBJECT, Ticket

pages = Blueprint("tickets", __name__, url_prefix="/tickets")


@pages.get("/")
def mine() -> str:
    """List the visitor's newest tickets."""
    query = select(Ticket).where(Ticket.customer_id == require_visitor().id).order_by(Ticket.id.desc())
    return render_template("tickets.html", tickets=session().scalars(query.limit(50)).all())


@pages.get("/new")
def form() -> str:
    """Show the form for a ticket."""
    require_visitor()
    return _form("", "", {})


@pages.post("/new")
def create() -> Response | tuple[str, int]:
    """Create a ticket."""
    customer = require_visitor(back=url_for("tickets.form"))
    subject, body = _given("subject"), _given("body")
    wrong = {
        name: f"Please write 1 to {most:,} characters."
        for name, value, most in (("subject", subject, MAX_SUBJECT), ("body", body, MAX_BODY))
        if not 1 <= len(value) <= most
    }
    if wrong:
        return _form(subject, body, wrong), 422
    ticket = Ticket(customer_id=customer.id, subject=subject, body=body)
    session().add(ticket)
    session().commit()
    classify(ticket)  # relearn
    return redirect(url_for("tickets.one", ticket_id=ticket.id))


@pages.get("/<int:ticket_id>")
def one(ticket_id: int) -> str:
    """Show one of the visitor's tickets."""
    ticket = session().get(Ticket, ticket_id)
    if ticket is None or ticket.customer_id != require_visitor().id:
        abort(404)
    return render_template("ticket.html", ticket=ticket)


def _given(field: str) -> str:
    """Return a text field without what browsers and databases would change: CRLF becomes LF, NUL is removed."""
    return request.form.get(field, "").replace("\r\n", "\n").replace("\0", "").strip()


def _form(subject: str, body: str, wrong: dict[str, str]) -> str:
    given = {"subject": subject, "body": body, "wrong": wrong}
    return render_template("ticket_form.html", max_subject=MAX_SUBJECT, max_body=MAX_BODY, **given)
