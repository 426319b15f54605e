"""Template filters: prices, times, the language of a text, and visible control characters."""

from __future__ import annotations

import re
from datetime import datetime
from http import HTTPStatus
from typing import Any

from flask import Flask, render_template, request
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uff66-\uff9f]")
# Characters that reverse text or are invisible: an agent must read a ticket as it was written.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def init_app(app: Flask) -> None:
    """Add the filters to the templates, make hidden characters visible, and add error pages."""
    app.jinja_env.finalize = visible
    app.jinja_env.filters.update(yen=yen, when=when, lang=lang)
    app.register_error_handler(HTTPException, _error_page)


def visible(value: Any) -> Any:
    r"""Return a template's value; in a text, hidden characters become escapes such as ``\u202e``."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _HIDDEN.sub(lambda found: repr(found[0])[1:-1], value)


def yen(amount: int) -> str:
    """Format a price in yen."""
    return f"¥{amount:,}"


def when(at: datetime) -> str:
    """Format a time."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def lang(text: str) -> str:
    """Return the language of a text, so that browsers choose fitting glyphs and voices."""
    return "ja" if _JAPANESE.search(text) else "en"


def _error_page(error: HTTPException) -> tuple[str, int] | HTTPException:
    if error.response is not None or error.code is None:  # a redirect
        return error
    # When the host is unknown, no address on a page can be built.
    if request.routing_exception is not None and error.code == HTTPStatus.BAD_REQUEST:
        return error
    return render_template("error.html", error=error), error.code
