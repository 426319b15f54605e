"""Media types as headers name them: what a body is, and in which encoding."""

from __future__ import annotations

UTF_8 = "utf-8"
_SAME = ("utf-8", "utf8", "us-ascii", "ascii")


def charset(content_type: str) -> str:
    """Give the encoding that a media type says; `UTF_8` when it says none, or one that is part of it."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            said = value.strip().strip("\"'").lower()
            return UTF_8 if said in _SAME else said
    return UTF_8
