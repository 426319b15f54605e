"""The database: one session per request or command, closed at its end."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Any

from flask import Flask, current_app, g
from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker


class Base(DeclarativeBase):
    """Base class of every table."""


def init_app(app: Flask) -> None:
    """Connect an application to its database; ``flask init-db`` creates the tables."""
    engine = create_engine(app.config["DATABASE_URL"])
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _ready_sqlite)
    app.extensions["engine"] = engine
    app.extensions["sessions"] = sessionmaker(engine)
    app.teardown_appcontext(_close)


def create_tables() -> None:
    """Create the missing tables."""
    Base.metadata.create_all(current_app.extensions["engine"])


def session() -> Session:
    """Return the session of this request or command."""
    if "session" not in g:
        g.session = current_app.extensions["sessions"]()
    found: Session = g.session
    return found


def _close(_: BaseException | None) -> None:
    if opened := g.pop("session", None):
        opened.close()


def _ready_sqlite(connection: Connection, _: Any) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait for a writer
