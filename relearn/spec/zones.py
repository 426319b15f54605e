"""Time zones by IANA name, from the pinned package ``tzdata``.

Training and serving thus have the same rules, whatever their systems have installed.
"""

from __future__ import annotations

import re
from datetime import UTC, tzinfo
from functools import cache

NEUTRAL = "UTC"
"""Name of the default time zone."""
ALLOWED = "the IANA name of a time zone, such as Asia/Tokyo or UTC"
_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}")
_RULES = "tzdata"


def known(name: object) -> bool:
    """Return whether a spec may name a time zone.

    Where ``tzdata`` is not installed, as in functions that never need it, every well-formed name is accepted.
    """
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        return False
    if name == NEUTRAL:
        return True
    from importlib.util import find_spec  # noqa: PLC0415 - a prediction of most models meets no zone

    return find_spec(_RULES) is None or zone(name) is not None


@cache
def zone(name: str) -> tzinfo | None:
    """Return a time zone with all its transitions; None when there is none of that name."""
    if name == NEUTRAL:
        return UTC
    from importlib import resources  # noqa: PLC0415 - 13 ms of a cold start, for models that declare a zone
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    file = resources.files(_RULES).joinpath("zoneinfo", *name.split("/"))
    if not file.is_file():
        return None
    with file.open("rb") as rules:
        if rules.read(4) != b"TZif":  # the directory also has lists of names
            return None
        rules.seek(0)
        return ZoneInfo.from_file(rules, key=name)
