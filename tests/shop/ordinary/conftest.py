"""A shop with a catalogue and nothing else, and people who use it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Select
from werkzeug.test import TestResponse

from shop import create_app
from shop.database import session

FORM_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Person:
    """Somebody with a browser of their own."""

    def __init__(self, app: Flask, name: str = "") -> None:
        self.app: Flask = app
        self.browser: FlaskClient = app.test_client()
        if name:
            self.send("/sign-in", "/sign-in", name=name)

    def see(self, path: str, status: int = 200) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == status, answer.text
        return unescape(answer.text)

    def send(self, page: str, action: str, **fields: str) -> TestResponse:
        """Fill a page's form and send it."""
        found = FORM_TOKEN.search(self.browser.get(page).text)
        assert found, f"{page} has no form"
        return self.browser.post(action, data={"csrf_token": found.group(1), **fields})

    def writes(self, subject: str, body: str) -> str:
        """Write a ticket; its number."""
        answer = self.send("/tickets/new", "/tickets/new", subject=subject, body=body)
        assert answer.status_code == 302, answer.text
        return answer.location.rsplit("/", 1)[-1]


Enter = Callable[..., Person]
Read = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    made = create_app(
        {"DATABASE_URL": f"sqlite:///{tmp_path}/shop.db", "SECRET_KEY": "a secret", "TESTING": True}
    )
    assert made.test_cli_runner().invoke(args=["init-db"]).exit_code == 0
    yield made
    made.extensions["engine"].dispose()


@pytest.fixture
def enter(app: Flask) -> Enter:
    """Let somebody come in: ``enter()``, or ``enter("Mia")`` who signs in."""
    return lambda name="": Person(app, name)


@pytest.fixture
def db(app: Flask) -> Read:
    """Read the database: ``db(select(...))``."""

    def read(query: Select[Any]) -> list[tuple[Any, ...]]:
        with app.app_context():
            return [tuple(row) for row in session().execute(query).all()]

    return read
