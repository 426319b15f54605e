"""The agents' side of the help desk: queues, and the actions on a ticket."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from shop.accounts import is_agent, require_visitor
from shop.database import session
from shop.ml import tell  # relearn
from shop.tables import MAX_BODY, QUEUES, Ticket

pages = Blueprint("desk", __name__, url_prefix="/desk")
UNSORTED, SHOWN = "unsorted", 50


@pages.before_request
def only_agents() -> None:
    """Refuse everyone but agents."""
    require_visitor()
    if not is_agent():
        abort(403)


@pages.get("/")
def queues() -> str:
    """List the newest tickets of a status, of one queue or of all."""
    queue, status = request.args.get("queue", ""), request.args.get("status", "open")
    if queue not in ("", UNSORTED, *QUEUES) or status not in ("open", "closed"):
        abort(404)
    query = select(Ticket).where(Ticket.status == status).order_by(Ticket.id.desc()).limit(SHOWN)
    if queue:
        query = query.where(Ticket.queue.is_(None) if queue == UNSORTED else Ticket.queue == queue)
    counted = select(Ticket.queue, func.count()).where(Ticket.status == status).group_by(Ticket.queue)
    counts = {name or UNSORTED: count for name, count in session().execute(counted)}
    choices = [("", "All", sum(counts.values()))]
    choices += [(name, name.capitalize(), counts.get(name, 0)) for name in (UNSORTED, *QUEUES)]
    tickets = session().scalars(query).all()
    return render_template("desk.html", tickets=tickets, choices=choices, queue=queue, status=status)


@pages.get("/<int:ticket_id>")
def one(ticket_id: int) -> str:
    """Show a ticket."""
    return render_template("desk_ticket.html", ticket=_ticket(ticket_id), queues=QUEUES, max_body=MAX_BODY)


@pages.post("/<int:ticket_id>/queue")
def sort(ticket_id: int) -> Response:
    """Put an open ticket into a queue; an agent who keeps its queue confirms it."""
    ticket, queue = _ticket(ticket_id), request.form.get("queue", "")
    if queue not in QUEUES or ticket.status != "open":
        abort(400, "Choose one of the queues, for an open ticket.")
    ticket.queue, ticket.decided_by = queue, "person"
    session().commit()
    tell()  # relearn
    flash(f"Ticket {ticket.id} is in the queue {queue.capitalize()}.")
    return redirect(url_for("desk.one", ticket_id=ticket.id))


@pages.post("/<int:ticket_id>/close")
def close(ticket_id: int) -> Response:
    """Answer and close a ticket that has been sorted."""
    ticket, answer = _ticket(ticket_id), request.form.get("answer", "").strip()
    if ticket.queue is None or ticket.status != "open" or len(answer) > MAX_BODY:
        abort(400, "Sort the ticket before you close it, and close it once.")
    ticket.answer, ticket.status = answer, "closed"
    session().commit()
    tell()  # relearn
    flash(f"Ticket {ticket.id} is closed.")
    return redirect(url_for("desk.queues", queue=ticket.queue))


def _ticket(ticket_id: int) -> Ticket:
    if (found := session().get(Ticket, ticket_id)) is None:
        abort(404)
    return found
