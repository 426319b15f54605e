"""Time zones by their IANA names, of the pinned package ``tzdata``: training and serving have the same rules, whatever their systems have."""

from __future__ import annotations

import re
from datetime import UTC, tzinfo
from functools import cache

NEUTRAL = "UTC"
ALLOWED = "the IANA name of a time zone, such as Asia/Tokyo or UTC"
_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}")
_RULES = "tzdata"


def known(name: object) -> bool:
    """Tell whether a spec may name a time zone; a function without any rules, which never needs them, takes its word."""
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        return False
    if name == NEUTRAL:
        return True
    from importlib.util import find_spec  # noqa: PLC0415 - a prediction of most models meets no zone

    return find_spec(_RULES) is None or zone(name) is not None


@cache
def zone(name: str) -> tzinfo | None:
    """Give a time zone with all its changes; None when there is none of that name."""
    if name == NEUTRAL:
        return UTC
    from importlib import resources  # noqa: PLC0415 - 13 ms of a cold start, for models that declare a zone
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    file = resources.files(_RULES).joinpath("zoneinfo", *name.split("/"))
    if not file.is_file():
        return None
    with file.open("rb") as rules:
        if rules.read(4) != b"TZif":  # lists of names lie beside the zones
            return None
        rules.seek(0)
        return ZoneInfo.from_file(rules, key=name)
