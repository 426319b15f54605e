"""What doors make of an input, and whether what they say of it can be understood."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_PLACE = re.compile(
    r"\b(line \d+|byte|character \d+|offset \d+|columns?|fields|header|rows?|labels?|the (file|body|request)|"
    r"the gzip stream|the Parquet file|metadata|content type|charset|is named|unpack\w*) ?"
)
"""Where a text says it is about, when it has no column, line or pointer beside it."""
_GIVEN = re.compile(
    r"\bgot\b|\d|'|\"|^null is not allowed|\b(missing|unknown|twice)\b|"
    r"\b(is|holds|has) (a|an|no|nothing|named|empty|corrupt|Parquet)\b|cannot be read: \S"
)
"""What was given or found: shown, counted, named, or not there at all."""
_ALLOWED = re.compile(r"; allowed( in [\w ]+)?: \S")
_OF_A_VALUE = re.compile(
    r"missing|holds a NUL character|not (a number|a string|finite as float32|true or false)|"
    r"not (a string of \d+ to \d+ characters|one of \S.*|an ISO 8601 date-time such as \S.*)|"
    r"(below the minimum|above the maximum), \S+|\d+ characters; at most \d+|later than now, .*; send .*",
    re.DOTALL,
)
"""All that ingest says against a value, which stands beside it with its column and line; each says what would be right."""
_RAW = re.compile(
    r"codec|Errno|Traceback|Error:|Error -?\d|/tmp/|0x[0-9a-f]{8,}|<class|\x1b|\x00|[\ud800-\udfff]"
)
"""What is a machine's and no word: names of errors, paths, addresses, characters that steer a terminal."""


@dataclass(frozen=True)
class Reason:
    """Why something was refused.

    Parameters
    ----------
    text
        The words.
    place
        Where it is, as the product says it beside the words: a pointer, a line, a column; empty for a whole file or body.
    given
        What was given there, as the product says it beside the words; None where only the words can say it.
    """

    text: str
    place: str = ""
    given: str | None = None

    @property
    def clear(self) -> bool:
        """Whether it says where it is, what was given, and what is allowed or what to do, and nothing raw."""
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
    """What a door made of an input.

    Parameters
    ----------
    taken
        Whether it was; None: not decided.
    row
        The values taken, in a form that can be compared.
    reasons
        Why it was refused.
    crash
        The error that is nobody's answer; empty when there is none.
    """

    taken: bool | None
    row: tuple[Any, ...] = ()
    reasons: tuple[Reason, ...] = ()
    crash: str = ""


@dataclass(frozen=True)
class Tried:
    """An input, and what each door made of it."""

    name: str
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    @property
    def undecided(self) -> bool:
        """Whether a door decided nothing."""
        return any(one.taken is None and not one.crash for one in self.verdicts.values())

    @property
    def crashed(self) -> bool:
        """Whether a door failed."""
        return any(one.crash for one in self.verdicts.values())

    @property
    def unclear(self) -> bool:
        """Whether a refusal has no reason, or one that is not clear."""
        return any(
            one.taken is False and not (one.reasons and all(reason.clear for reason in one.reasons))
            for one in self.verdicts.values()
        )

    @property
    def disputed(self) -> bool:
        """Whether doors differ: some take it and others do not, or they take other values."""
        decided = [(one.taken, one.row) for one in self.verdicts.values() if one.taken is not None]
        return len(set(decided)) > 1

    def said(self) -> str:
        """Say in a few lines what each door made of it."""
        lines = []
        for door, one in self.verdicts.items():
            told = one.crash or "; ".join(map(str, one.reasons)) or str(one.row)
            word = {True: "taken", False: "refused", None: "undecided"}[one.taken]
            lines.append(f"    {door:<10} {word}: {told[:300]!r}")
        return "\n".join(lines)
