"""What a person names briefly: an upload by the first characters of its id."""

from __future__ import annotations

from collections.abc import Sequence

from cli.stage.api import connect
from cli.stage.ledger import Ledger
from cli.stage.target import Target
from relearn.errors import NotFoundError
from relearn.lifecycle.uploads import Upload


def models(target: Target) -> list[str]:
    """List the models that are deployed."""
    with connect(target) as api:
        return [about.name for about in api.models()]


def find_upload(ledger: Ledger, names: Sequence[str], start: str) -> Upload:
    """Find the one upload whose id starts so.

    Parameters
    ----------
    ledger
        Of the stage.
    names
        Models to look through.
    start
        First characters of an id.

    Raises
    ------
    NotFoundError
        None starts so, or several do.
    """
    found = [one for name in names for one in ledger.uploads(name) if one.upload_id.startswith(start)]
    if len(found) != 1:
        raise NotFoundError(
            f"{len(found)} uploads of {', '.join(names)} start with {start!r}; allowed: exactly one. "
            "See relearn uploads MODEL; where the model is not deployed, name it too"
        )
    return found[0]
