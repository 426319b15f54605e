"""A small web shop with a help desk: catalogue, basket, tickets and the agents' desk."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Flask

from shop import accounts, basket, catalogue, commands, database, desk, security, texts, tickets
from shop.ml import export  # relearn


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Create the application.

    Parameters
    ----------
    config
        Settings that override those of the environment: DATABASE_URL, SECRET_KEY, SHOP_AGENTS, TRUSTED_HOSTS.
    """
    app = Flask(__name__)
    app.config.from_mapping(
        DATABASE_URL=os.environ.get("DATABASE_URL", "sqlite:///shop.db"),
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(32),  # a new one ends all sessions
        SHOP_AGENTS=os.environ.get("SHOP_AGENTS", "agent"),
        TRUSTED_HOSTS=os.environ.get("SHOP_HOSTS", "127.0.0.1,localhost").split(","),
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=os.environ.get("SHOP_HTTPS") == "1",
        MAX_CONTENT_LENGTH=1_000_000,
        MAX_FORM_MEMORY_SIZE=1_000_000,
    )
    app.config.update(config or {})
    database.init_app(app)
    security.init_app(app)
    texts.init_app(app)
    accounts.init_app(app)
    commands.init_app(app)
    app.cli.add_command(export)  # relearn
    for part in (accounts, catalogue, basket, tickets, desk):
        app.register_blueprint(part.pages)
    return app
