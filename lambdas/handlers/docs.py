"""The function ``docs``: parses its event and calls `lambdas.http.site_files`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lambdas import once_per_process
from lambdas.http import responses
from lambdas.http.site_files import Site
from lambdas.runtime.logging import entry

SITE = Path(__file__).parents[1] / "data" / "site"


@once_per_process
def site() -> Site:
    """Return the files of the deployed site; read once per process."""
    return Site.load(SITE)


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Answer with a page or one of the files that it loads."""
    return responses.answer(event, site)
