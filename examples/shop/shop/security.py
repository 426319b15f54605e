"""Security headers of every answer, and guards against requests that pages of other sites send.

Flask itself refuses a ``Host`` that is not in TRUSTED_HOSTS: cookies would not protect from a foreign site
whose own name resolves to this machine.
"""

from __future__ import annotations

import hmac
import secrets

from flask import Flask, Response, abort, request, session
from markupsafe import Markup

FIELD = "csrf_token"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def init_app(app: Flask) -> None:
    """Install the guards and headers in an application."""
    app.before_request(_check_site)
    app.before_request(_check_token)
    app.after_request(_add_headers)
    app.jinja_env.globals["csrf_field"] = csrf_field


def csrf_field() -> Markup:
    """Return the hidden field that every form must contain."""
    token = session.setdefault(FIELD, secrets.token_urlsafe(32))
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token)


def _check_site() -> None:
    """Refuse requests of other sites, except links that a visitor follows."""
    followed = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none") and not followed:
        abort(403, "A page of another site asked for this. Open the shop itself.")


def _check_token() -> None:
    if request.method != "POST":
        return
    given, expected = request.form.get(FIELD, ""), session.get(FIELD, "")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        abort(400, "This form is too old. Go back, load the page again, and send it once more.")


def _add_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "private, no-store"
    return response
