"""The shop's tables. Times are UTC without a time zone, as SQLite returns them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy import Text as LongText
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.database import Base

CATEGORIES = ("tea", "coffee", "kitchen", "garden", "books", "games", "sport", "pets")
QUEUES = ("account", "billing", "delivery", "product", "returns")
EVENTS = ("view", "cart", "purchase")
MAX_NAME, MAX_SUBJECT, MAX_BODY = 60, 300, 100_000


def now() -> datetime:
    """Return the current time as the tables store it."""
    return datetime.now(UTC).replace(tzinfo=None)


class Customer(Base):
    """Person who has signed in."""

    __tablename__ = "customers"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)


class Product(Base):
    """Product of the shop; prices are in yen."""

    __tablename__ = "products"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    category: Mapped[str] = mapped_column(String(20), index=True)
    name: Mapped[str] = mapped_column(String(200))
    name_ja: Mapped[str] = mapped_column(String(200))
    price: Mapped[int]
    description: Mapped[str] = mapped_column(LongText)


class Event(Base):
    """Interaction of a customer with a product; its kind is one of EVENTS."""

    __tablename__ = "events"
    __table_args__ = (Index("events_by_kind", "kind", "product_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))
    product_id: Mapped[str] = mapped_column(ForeignKey("products.id"))
    kind: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(default=now)


class Ticket(Base):
    """Question to the help desk.

    ``queue`` is None until the ticket is sorted; ``decided_by`` is who sorted it.
    """

    __tablename__ = "tickets"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str | None] = mapped_column(ForeignKey("customers.id"), index=True)
    subject: Mapped[str] = mapped_column(String(MAX_SUBJECT))
    body: Mapped[str] = mapped_column(LongText)
    queue: Mapped[str | None] = mapped_column(String(20), index=True)
    decided_by: Mapped[str | None] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(10), default="open", index=True)
    answer: Mapped[str] = mapped_column(LongText, default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    customer: Mapped[Customer | None] = relationship()
