"""How pages write things: prices, times, and which language a text is in."""

from __future__ import annotations

import re
from datetime import datetime

from flask import Flask, render_template
from werkzeug.exceptions import HTTPException

_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uff66-\uff9f]")


def init_app(app: Flask) -> None:
    """Give templates the filters, and errors a page."""
    app.jinja_env.filters.update(yen=yen, when=when, lang=lang)
    app.register_error_handler(HTTPException, _error_page)


def yen(amount: int) -> str:
    """Write a price."""
    return f"¥{amount:,}"


def when(at: datetime) -> str:
    """Write a time."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def lang(text: str) -> str:
    """Say which language a text is in, so that browsers choose glyphs and voices that fit."""
    return "ja" if _JAPANESE.search(text) else "en"


def _error_page(error: HTTPException) -> tuple[str, int] | HTTPException:
    if error.response is not None or error.code is None:  # a redirection
        return error
    return render_template("error.html", error=error), error.code
