"""The basket: product ids and counts in the visitor's cookie. This is a demo: nothing is paid or sent."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask import session as cookie
from sqlalchemy import select
from werkzeug.wrappers import Response

from shop.accounts import require_visitor, visitor
from shop.catalogue import note
from shop.database import session
from shop.tables import Product

pages = Blueprint("basket", __name__)
MAX_PRODUCTS, MAX_OF_ONE = 20, 99


@pages.app_context_processor
def count() -> dict[str, int]:
    """Give every page the number of items in the basket."""
    return {"basket_count": sum(_basket().values())}


@pages.get("/basket")
def show() -> str:
    """Show the basket."""
    counts = _basket()
    found = session().scalars(select(Product).where(Product.id.in_(counts)).order_by(Product.id)).all()
    total = sum(product.price * counts[product.id] for product in found)
    return render_template("basket.html", products=found, counts=counts, total=total)


@pages.post("/basket/add")
def add() -> Response:
    """Add one item of a product to the basket."""
    product, counts = session().get(Product, request.form.get("product", "")), _basket()
    if product is None:
        abort(404)
    if product.id not in counts and len(counts) >= MAX_PRODUCTS:
        flash(f"A basket holds at most {MAX_PRODUCTS} different products.", "error")
        return redirect(url_for("basket.show"))
    counts[product.id] = min(counts.get(product.id, 0) + 1, MAX_OF_ONE)
    cookie["basket"] = counts
    note(visitor(), product.id, "cart")
    flash(f"{product.name} is in your basket.")
    return redirect(url_for("basket.show"))


@pages.post("/basket/remove")
def remove() -> Response:
    """Remove a product from the basket."""
    counts = _basket()
    counts.pop(request.form.get("product", ""), None)
    cookie["basket"] = counts
    return redirect(url_for("basket.show"))


@pages.post("/basket/buy")
def buy() -> Response:
    """Buy the products in the basket, and empty it."""
    customer, counts = require_visitor(back=url_for("basket.show")), _basket()
    for product in session().scalars(select(Product).where(Product.id.in_(counts))):
        note(customer, product.id, "purchase")
    cookie.pop("basket", None)
    if counts:
        flash("Thank you for your order. This is a demo: nothing will be sent, and nothing was paid.")
    return redirect(url_for("catalogue.home"))


def _basket() -> dict[str, int]:
    return dict(cookie.get("basket", {}))
