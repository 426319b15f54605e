"""The shop's commands: ``flask --app shop init-db`` and ``import-history``."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import insert, select

from shop.database import create_tables, session
from shop.tables import EVENTS, QUEUES, Customer, Event, Product, Ticket

CATALOGUE = Path(__file__).with_name("catalogue.csv")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(init_db)
    app.cli.add_command(import_history)


@click.command()
@with_appcontext
def init_db() -> None:
    """Create missing tables, and add the products of the catalogue that are missing."""
    create_tables()
    known = set(session().scalars(select(Product.id)))
    new = [row for row in _rows(CATALOGUE) if row["id"] not in known]
    session().add_all(Product(**{**row, "price": int(row["price"])}) for row in new)
    session().commit()
    click.echo(f"{len(new)} products are new, {len(known)} were there")


@click.command()
@click.option("--tickets", type=FILE, help="CSV: subject, body, queue")
@click.option("--events", type=FILE, help="CSV: visitor, product, event, at")
@with_appcontext
def import_history(tickets: Path | None, events: Path | None) -> None:
    """Import closed tickets and events of an older shop; all files or nothing."""
    if tickets:
        _import_tickets(tickets)
    if events:
        _import_events(events)
    session().commit()


def _import_tickets(file: Path) -> None:
    rows = [_known(row, "queue", QUEUES, file) for row in _rows(file)]
    names, done = ("subject", "body", "queue"), {"status": "closed", "decided_by": "person"}
    new = [{**{name: row[name] for name in names}, **done} for row in rows]
    _insert(Ticket, new)
    click.echo(f"{len(new)} tickets from {file}")


def _import_events(file: Path) -> None:
    products = set(session().scalars(select(Product.id)))
    rows = [_known(_known(row, "event", EVENTS, file), "product", products, file) for row in _rows(file)]
    known = set(session().scalars(select(Customer.id)))
    visitors = sorted({row["visitor"] for row in rows} - known)
    _insert(Customer, [{"id": visitor, "name": visitor} for visitor in visitors])
    names = {"visitor": "customer_id", "product": "product_id", "event": "kind"}
    new = [{**{names[key]: row[key] for key in names}, "at": _time(row["at"], file)} for row in rows]
    _insert(Event, new)
    click.echo(f"{len(new)} events of {len(visitors)} new customers from {file}")


def _insert(table: type[Ticket | Event | Customer], rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        session().execute(insert(table), rows)


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _known(
    row: dict[str, str], field: str, allowed: tuple[str, ...] | set[str], file: Path
) -> dict[str, str]:
    if row.get(field) not in allowed:
        raise click.ClickException(
            f"{file}: {field}: got {row.get(field)!r}; allowed: {', '.join(sorted(allowed))}"
        )
    return row


def _time(text: str, file: Path) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        allowed = "an ISO 8601 date-time such as 2026-05-04T10:00:00Z"
        raise click.ClickException(f"{file}: at: got {text!r}; allowed: {allowed}") from error
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
