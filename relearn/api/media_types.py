"""Media types in HTTP headers."""

from __future__ import annotations

UTF_8 = "utf-8"
_SAME = ("utf-8", "utf8", "us-ascii", "ascii")


def charset(content_type: str) -> str:
    """Return the charset of a media type; `UTF_8` when there is none, or a subset of it."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            said = value.strip().strip("\"'").lower()
            return UTF_8 if said in _SAME else said
    return UTF_8
