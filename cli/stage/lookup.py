"""Lookup of uploads by the first characters of their id."""

from __future__ import annotations

from collections.abc import Sequence

from cli.stage.api import connect
from cli.stage.ledger import Ledger
from cli.stage.target import Target
from relearn.errors import NotFoundError
from relearn.lifecycle.uploads import Upload


def models(target: Target) -> list[str]:
    """Return the names of the deployed models."""
    with connect(target) as api:
        return [about.name for about in api.models()]


def find_upload(ledger: Ledger, names: Sequence[str], start: str) -> Upload:
    """Return the only upload whose id has a prefix.

    Parameters
    ----------
    ledger
        Ledger of the stage.
    names
        Models to search.
    start
        First characters of the id.

    Raises
    ------
    NotFoundError
        When no upload, or more than one, matches.
    """
    found = [one for name in names for one in ledger.uploads(name) if one.upload_id.startswith(start)]
    if len(found) != 1:
        raise NotFoundError(
            f"{len(found)} uploads of {', '.join(names)} start with {start!r}; allowed: exactly one. "
            "See relearn uploads MODEL; where the model is not deployed, name it too"
        )
    return found[0]
