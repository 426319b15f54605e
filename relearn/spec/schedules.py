"""Recurring schedule expressions of EventBridge Scheduler, ``rate(...)`` and ``cron(...)``, in UTC.

The grammar is that of the EventBridge Scheduler user guide, "Schedule types". One-time schedules,
``at(...)``, are not allowed for retraining.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

ALLOWED = (
    "rate(<whole number above 0> minutes|hours|days), as rate(1 day), or "
    "cron(<minutes> <hours> <day of month> <month> <day of week> <year>), as cron(0 3 * * ? *)"
)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_RATE = re.compile(r"rate\((\d{1,9}) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\(([^()]*)\)")
_LAST_WEEKDAY = "LW"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """One of the six fields of a cron expression.

    Parameters
    ----------
    name
        Name in the user guide.
    lowest, highest
        Range of its numbers.
    words
        Names that stand for numbers.
    open
        Whether it may be ``?``, so that the other day field decides.
    """

    name: str
    lowest: int
    highest: int
    words: Mapping[str, int] = field(default_factory=dict)
    open: bool = False

    def problem(self, text: str) -> str | None:
        """Describe what is wrong with the field; None when it is allowed."""
        if text == "?":
            return None if self.open else f"{self.name} cannot be ?"
        if self._is_special(text):
            return None
        for item in text.split(","):
            if not self._is_item(item):
                named = f" or {next(iter(self.words))}-{list(self.words)[-1]}" if self.words else ""
                return f"{self.name} {text!r}: {item!r} is not *, {self.lowest}-{self.highest}{named}, a range or a step"
        return None

    def _is_item(self, item: str) -> bool:
        base, slash, step = item.partition("/")
        if slash and not (step.isdecimal() and 0 < int(step) <= self.highest):
            return False
        if base == "*":
            return True
        first, dash, last = base.partition("-")
        numbers = [self._number(first), self._number(last if dash else first)]
        return None not in numbers and numbers == sorted(numbers, key=lambda number: number or 0)

    def _number(self, text: str) -> int | None:
        if text in self.words:
            return self.words[text]
        number = int(text) if re.fullmatch(r"[0-9]{1,4}", text) else None
        return number if number is not None and self.lowest <= number <= self.highest else None

    def _is_special(self, text: str) -> bool:
        """Return whether it is a day that depends on the calendar.

        Such are the last day, the nearest weekday and the second Friday.
        """
        if not self.open:
            return False
        if self.words:
            day, mark, which = text.partition("#")
            if mark:
                return self._number(day) is not None and which in {"1", "2", "3", "4", "5"}
            return text == "L" or (text.endswith("L") and self._number(text[:-1]) is not None)
        weekday = text.endswith("W") and self._number(text[:-1]) is not None
        return text in ("L", _LAST_WEEKDAY) or weekday


_PARTS = (
    _Part(name="minutes", lowest=0, highest=59),
    _Part(name="hours", lowest=0, highest=23),
    _Part(name="day of month", lowest=1, highest=31, open=True),
    _Part(name="month", lowest=1, highest=12, words={word: n for n, word in enumerate(_MONTHS, 1)}),
    _Part(
        name="day of week", lowest=1, highest=7, words={word: n for n, word in enumerate(_DAYS, 1)}, open=True
    ),
    _Part(name="year", lowest=1970, highest=2199),
)
_DAY_OF_MONTH, _DAY_OF_WEEK = 2, 4


def problem(expression: object) -> str | None:
    """Describe what is allowed instead of a wrong schedule expression.

    None when EventBridge Scheduler accepts the expression.

    Parameters
    ----------
    expression
        E.g. ``"rate(1 day)"`` or ``"cron(0 3 ? * MON *)"``.
    """
    if not isinstance(expression, str):
        return ALLOWED
    if rate := _RATE.fullmatch(expression):
        return _rate_problem(int(rate[1]), rate[2], plural=bool(rate[3]))
    if cron := _CRON.fullmatch(expression):
        return _cron_problem(cron[1].split())
    return ALLOWED


def _rate_problem(number: int, unit: str, *, plural: bool) -> str | None:
    if number < 1:
        return f"rate(<whole number above 0> {unit}s)"
    if plural == (number == 1):
        return f"rate({number} {unit}{'' if number == 1 else 's'})"
    return None


def _cron_problem(fields: list[str]) -> str | None:
    if len(fields) != len(_PARTS):
        names = ", ".join(part.name for part in _PARTS)
        return f"cron(...) with {len(_PARTS)} fields ({names}); these are {len(fields)}"
    for part, text in zip(_PARTS, fields, strict=True):
        if found := part.problem(text):
            return f"a cron expression that can come true; {found}"
    if (fields[_DAY_OF_MONTH] == "?") == (fields[_DAY_OF_WEEK] == "?"):
        return "cron(...) in which exactly one of day of month and day of week is ?"
    return None
