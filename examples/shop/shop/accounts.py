"""Sign visitors in and out. This is a demo: a name is enough, there are no passwords."""

from __future__ import annotations

import secrets

from flask import Blueprint, Flask, abort, current_app, flash, g, redirect, render_template, request, url_for
from flask import session as cookie
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

from shop.database import session
from shop.tables import MAX_NAME, Customer

pages = Blueprint("accounts", __name__)


def init_app(app: Flask) -> None:
    """Give templates the signed-in customer, and whether they are an agent."""
    app.context_processor(lambda: {"visitor": visitor(), "is_agent": is_agent()})


def visitor() -> Customer | None:
    """Return the signed-in customer; None when nobody is signed in."""
    if "visitor" not in g:
        g.visitor = session().get(Customer, cookie["customer"]) if "customer" in cookie else None
    found: Customer | None = g.visitor
    return found


def require_visitor(back: str = "") -> Customer:
    """Return the signed-in customer; redirect others to the sign-in form, and then to ``back`` or this page."""
    if (found := visitor()) is None:
        abort(redirect(url_for("accounts.sign_in", next=back or request.full_path.removesuffix("?"))))
    return found


def is_agent() -> bool:
    """Return whether an agent is signed in: SHOP_AGENTS lists their names, separated by commas."""
    agents = {name.strip() for name in current_app.config["SHOP_AGENTS"].split(",")}
    found = visitor()
    return found is not None and found.name in agents


@pages.get("/sign-in")
def sign_in() -> str:
    """Show the sign-in form."""
    return render_template("sign_in.html", next=request.args.get("next", ""), max_name=MAX_NAME)


@pages.post("/sign-in")
def signed_in() -> Response | tuple[str, int]:
    """Sign a customer in by name; a new name creates a customer."""
    name, to = request.form.get("name", "").replace("\0", "").strip(), request.form.get("next", "")
    if not 1 <= len(name) <= MAX_NAME:
        flash(f"Please give a name of 1 to {MAX_NAME} characters.", "error")
        return render_template("sign_in.html", next=to, max_name=MAX_NAME), 422
    customer = _known(name) or _new(name)
    basket = cookie.get("basket", {})
    cookie.clear()
    cookie.update(customer=customer.id, basket=basket)
    return redirect(to if _ours(to) else url_for("catalogue.home"))


@pages.post("/sign-out")
def sign_out() -> Response:
    """Sign the customer out."""
    cookie.clear()
    return redirect(url_for("catalogue.home"))


def _known(name: str) -> Customer | None:
    return session().scalar(select(Customer).where(Customer.name == name))


def _new(name: str) -> Customer:
    customer = Customer(id=f"c-{secrets.token_hex(6)}", name=name)
    session().add(customer)
    try:
        session().commit()
    except IntegrityError:  # another request has just created the same name
        session().rollback()
        customer = session().scalars(select(Customer).where(Customer.name == name)).one()
    return customer


def _ours(path: str) -> bool:
    """Return whether a path is within this shop: a second slash, of either kind, would lead to another host."""
    return path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
