"""Verdicts of doors on an input, and whether their reasons can be understood."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_PLACE = re.compile(
    r"\b(line \d+|byte|character \d+|offset \d+|columns?|fields|header|rows?|labels?|the (file|body|request)|"
    r"the gzip stream|the Parquet file|metadata|content type|charset|is named|unpack\w*) ?"
)
"""Words that name the place of an error, for reasons without a column, line or pointer."""
_GIVEN = re.compile(
    r"\bgot\b|\d|'|\"|^null is not allowed|\b(missing|unknown|twice)\b|"
    r"\b(is|holds|has) (a|an|no|nothing|named|empty|corrupt|Parquet)\b|cannot be read: \S"
)
"""What was given: quoted, counted, named, or said to be missing."""
_ALLOWED = re.compile(r"; allowed( in [\w ]+)?: \S")
_OF_A_VALUE = re.compile(
    r"missing|holds a NUL character|not (a number|a string|finite as float32|true or false)|"
    r"not (a string of \d+ to \d+ characters|one of \S.*|an ISO 8601 date-time such as \S.*)|"
    r"(below the minimum|above the maximum), \S+|\d+ characters; at most \d+|later than now, .*; send .*",
    re.DOTALL,
)
"""All of ingest's reasons against a value, which is shown with its column and line.

Each implies what is allowed.
"""
_RAW = re.compile(
    r"codec|Errno|Traceback|Error:|Error -?\d|/tmp/|0x[0-9a-f]{8,}|<class|\x1b|\x00|[\ud800-\udfff]"
)
"""Raw technical text: names of errors, file paths, addresses, control characters."""


@dataclass(frozen=True)
class Reason:
    """The reason of a refusal.

    Parameters
    ----------
    text
        The message.
    place
        Place of the error as given beside the message: pointer, line or column; empty for a whole file or
        body.
    given
        The given value as shown beside the message; None where only the message can say it.
    """

    text: str
    place: str = ""
    given: str | None = None

    @property
    def clear(self) -> bool:
        """Whether it says where, what was given and what is allowed, without raw technical text."""
        if _RAW.search(self.text):
            return False
        if self.given is not None or self.text == "missing":
            return bool(self.place) and _OF_A_VALUE.fullmatch(self.text) is not None
        given, allowed, _ = self.text.partition(";")
        return (
            bool(self.place or _PLACE.search(self.text))
            and bool(_GIVEN.search(given))
            and bool(allowed and _ALLOWED.search(self.text))
        )

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        shown = "" if self.given is None else f"{self.given!r}: "
        return f"{where}{shown}{self.text}"


@dataclass(frozen=True)
class Verdict:
    """The verdict of a door on an input.

    Parameters
    ----------
    taken
        Whether it was accepted; None when the door did not decide.
    row
        The accepted values, in a comparable form.
    reasons
        Reasons of the refusal.
    crash
        Internal error; empty when there is none.
    """

    taken: bool | None
    row: tuple[Any, ...] = ()
    reasons: tuple[Reason, ...] = ()
    crash: str = ""


@dataclass(frozen=True)
class Tried:
    """An input with the verdict of each door."""

    name: str
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    @property
    def undecided(self) -> bool:
        """Whether a door did not decide."""
        return any(one.taken is None and not one.crash for one in self.verdicts.values())

    @property
    def crashed(self) -> bool:
        """Whether a door had an internal error."""
        return any(one.crash for one in self.verdicts.values())

    @property
    def unclear(self) -> bool:
        """Whether a refusal has no reason, or an unclear one."""
        return any(
            one.taken is False and not (one.reasons and all(reason.clear for reason in one.reasons))
            for one in self.verdicts.values()
        )

    @property
    def disputed(self) -> bool:
        """Whether doors disagree: some accept the input and others do not, or they accept other values."""
        decided = [(one.taken, one.row) for one in self.verdicts.values() if one.taken is not None]
        return len(set(decided)) > 1

    def said(self) -> str:
        """Return the verdict of each door, one line each."""
        lines = []
        for door, one in self.verdicts.items():
            told = one.crash or "; ".join(map(str, one.reasons)) or str(one.row)
            word = {True: "taken", False: "refused", None: "undecided"}[one.taken]
            lines.append(f"    {door:<10} {word}: {told[:300]!r}")
        return "\n".join(lines)
