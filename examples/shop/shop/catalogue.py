"""The catalogue: home page, categories, search and product pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, render_template, request
from sqlalchemy import func, or_, select

from shop.accounts import visitor
from shop.database import session
from shop.ml import recommend  # relearn
from shop.tables import CATEGORIES, Customer, Event, Product

pages = Blueprint("catalogue", __name__)


@dataclass(frozen=True)
class Shelf:
    """Row of products on a page."""

    id: str
    title: str
    products: Sequence[Product]


def popular(limit: int, *, category: str | None = None, without: str = "") -> Sequence[Product]:
    """Return the products with the most purchases, most bought first."""
    bought = func.count(Event.id)
    query = select(Product).outerjoin(Event, (Event.product_id == Product.id) & (Event.kind == "purchase"))
    query = query.where(Product.id != without).group_by(Product.id).order_by(bought.desc(), Product.id)
    if category:
        query = query.where(Product.category == category)
    return session().scalars(query.limit(limit)).all()


def note(customer: Customer | None, product_id: str, kind: str) -> None:
    """Store what a customer did with a product; nothing is stored for visitors who are not signed in."""
    if customer:
        session().add(Event(customer_id=customer.id, product_id=product_id, kind=kind))
        session().commit()


@pages.app_context_processor
def categories() -> dict[str, Sequence[str]]:
    """Give every page the categories."""
    return {"categories": CATEGORIES}


@pages.get("/")
def home() -> str:
    """Show the home page."""
    shelves = [Shelf("popular", "Popular now", popular(8))]
    if (customer := visitor()) and (chosen := recommend(visitor=customer.id)):  # relearn
        shelves.insert(0, Shelf("for-you", "Chosen for you", chosen))  # relearn
    return render_template("home.html", shelves=shelves)


@pages.get("/category/<category>")
def category(category: str) -> str:
    """Show the products of a category."""
    if category not in CATEGORIES:
        abort(404)
    found = session().scalars(select(Product).where(Product.category == category).order_by(Product.id)).all()
    return render_template("products.html", title=category.capitalize(), products=found, current=category)


@pages.get("/search")
def search() -> str:
    """Show the products whose name or description contains every search word."""
    words = request.args.get("q", "").strip()[:100]
    fields = (Product.name, Product.name_ja, Product.description)
    query = select(Product).order_by(Product.id)
    for word in words.split():
        query = query.where(or_(*(field.icontains(word, autoescape=True) for field in fields)))
    found = session().scalars(query).all() if words else []
    return render_template("search.html", words=words, products=found)


@pages.get("/product/<product_id>")
def product(product_id: str) -> str:
    """Show a product, and store the view."""
    found = session().get(Product, product_id)
    if found is None:
        abort(404)
    note(visitor(), found.id, "view")
    same = popular(4, category=found.category, without=found.id)
    shelf = Shelf("related", f"More {found.category}", same)
    if similar := recommend(similar_to=found.id):  # relearn
        shelf = Shelf("similar", "You may also like", similar)  # relearn
    return render_template("product.html", product=found, shelf=shelf)
