"""Checks of a run's data against the requirements of its spec, on profiles.

A breach in the rows is attributed to the uploads that are new in the run: they fail with the reason, as in a
rejected run, and later good uploads are trained on. Too few rows and too old rows are attributed to no
upload: the uploads wait, and a later upload may complete them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from relearn.data import drift
from relearn.data.profiles import DATA_TYPES, MIXED, ColumnProfile, Profile
from relearn.figures import apart, counted, exact, percents
from relearn.spec.model import Column, ModelSpec
from relearn.spec.tables import Table

SHOWN = 3
"""Maximum number of breaches in a reason; the report has all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Result of one rule.

    Parameters
    ----------
    table, column
        Table and column; an empty column stands for all rows.
    rule
        ``rows``, ``missing``, ``range``, ``key``, ``reference``, ``age`` or ``shift``.
    found, allowed
        Value found, and values allowed, in words.
    right
        Whether the rule is met.
    blamed
        Tables whose new uploads a breach is attributed to.
    """

    table: str
    column: str
    rule: str
    found: str
    allowed: str
    right: bool
    blamed: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"{self.table}.{self.column}" if self.column else self.table
        return f"{place}: {self.found}; allowed: {self.allowed}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Orphans:
    """Rows whose reference matches no key.

    Parameters
    ----------
    rows, of
        Number of such rows, and number of rows with a value.
    new
        How many of them are in shards that are new in the run.
    example
        One such value; empty when there is none.
    """

    rows: int
    of: int
    new: int
    example: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """Results of comparing the key values of all shards, which profiles do not have.

    Parameters
    ----------
    repeated
        Number of key values that several rows have.
    example
        One such value; empty when there is none.
    orphans
        Reference column to its orphans.
    """

    repeated: int = 0
    example: str = ""
    orphans: Mapping[str, Orphans]


def table_findings(
    spec: ModelSpec, table: str, profile: Profile, keys: Keys, *, before: Profile | None, at: datetime
) -> list[Finding]:
    """Check a raw table.

    Parameters
    ----------
    spec
        Spec of the model.
    table
        Name of the table.
    profile
        Profile of all shards in the snapshot.
    keys
        Key values of the same shards.
    before
        Profile of the shards that the champion was trained on; None to compare with nothing.
    at
        Start of the run, time-zone aware.
    """
    columns, declared = spec.raw_columns(table), spec.raw_table(table)
    quality = spec.raw_quality(table)
    found = [_rows(table, profile, quality.min_rows)]
    for column in columns:
        seen = profile.columns.get(column.name) or ColumnProfile(type=column.type, missing=profile.rows)
        found += _missing(table, column, seen, profile.rows, quality.max_missing)
        found += _range(table, column, seen)
    if declared is not None:
        found += _keys(declared, keys)
        found += _references(declared, keys)
        found += _age(declared, profile, at)
    return [*found, *_shifts(table, profile, before, quality.max_shift)]


def feature_findings(spec: ModelSpec, profile: Profile, before: Profile | None) -> list[Finding]:
    """Check the feature set of a model with tables; its values are checked one by one elsewhere.

    Parameters
    ----------
    spec
        Spec of the model.
    profile
        Profile of the feature set.
    before
        Profile of the champion's feature set; None to compare with nothing.
    """
    found = [_rows("features", profile, spec.quality.min_rows)]
    for column in spec.made:
        seen = profile.columns.get(column.name)
        if seen is not None:
            found += _missing("features", column, seen, profile.rows, spec.quality.max_missing)
    return [*found, *_shifts("features", profile, before, spec.quality.max_shift)]


def reason(findings: Iterable[Finding]) -> str:
    """Describe the breaches; empty when there are none."""
    breaches = [str(finding) for finding in findings if not finding.right]
    more = f"; and {len(breaches) - SHOWN} more" if len(breaches) > SHOWN else ""
    return "; ".join(breaches[:SHOWN]) + more


def blamed(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return the tables whose new uploads breaches are attributed to."""
    return tuple(
        dict.fromkeys(table for finding in findings if not finding.right for table in finding.blamed)
    )


def _rows(table: str, profile: Profile, least: int) -> Finding:
    return Finding(
        table=table,
        column="",
        rule="rows",
        found=counted(profile.rows, "row"),
        allowed=f"at least {least}",
        right=profile.rows >= least,
    )


def _missing(
    table: str, column: Column, seen: ColumnProfile, rows: int, allowed: Mapping[str, float]
) -> Iterator[Finding]:
    most = allowed.get(column.name, 1.0 if column.optional else 0.0)
    right = seen.missing <= most * rows
    if right and column.name not in allowed:
        return
    share, limit = percents(seen.missing / rows if rows else 0.0, most)
    yield Finding(
        table=table,
        column=column.name,
        rule="missing",
        found=f"{seen.missing} of {rows} rows ({share}) lack it",
        allowed=limit,
        right=right,
        blamed=(table,),
    )


def _range(table: str, column: Column, seen: ColumnProfile) -> Iterator[Finding]:
    """Check the range of a column: ingest rejects wrong values, but the spec may have changed since."""
    breach = DATA_TYPES[type(column)].breach(column, seen) if seen.type == column.type else None
    if breach is None:
        return
    wrong, allowed = breach
    yield Finding(
        table=table,
        column=column.name,
        rule="range",
        found=wrong,
        allowed=allowed,
        right=False,
        blamed=(table,),
    )


def _keys(table: Table, keys: Keys) -> Iterator[Finding]:
    if table.key is None:
        return
    example = f", {keys.example!r} among them" if keys.repeated else ""
    yield Finding(
        table=table.name,
        column=table.key,
        rule="key",
        found=f"{keys.repeated} values have several rows{example}",
        allowed="one row a value; a file that replaces another is uploaded under the other's name",
        right=keys.repeated == 0,
        blamed=(table.name,),
    )


def _references(table: Table, keys: Keys) -> Iterator[Finding]:
    for reference in table.quality.references:
        found = keys.orphans[reference.column]
        example = f", for example {found.example!r}" if found.rows else ""
        share, limit = percents(found.rows / found.of if found.of else 0.0, reference.max_orphans)
        yield Finding(
            table=table.name,
            column=reference.column,
            rule="reference",
            found=f"{found.rows} of {found.of} rows ({share}) name no row of {reference.to}{example}",
            allowed=limit,
            right=found.rows <= reference.max_orphans * found.of,
            # when only older rows have become orphans, the other table's new uploads removed their keys
            blamed=(table.name,) if found.new else (reference.to,),
        )


def _age(table: Table, profile: Profile, at: datetime) -> Iterator[Finding]:
    most = table.quality.max_age_days
    seen = profile.columns.get(table.time or "")
    newest = None if seen is None else _newest(seen, at)
    if most is None or newest is None:
        return
    days = (at - newest).total_seconds() / 86_400
    old, _ = apart(days, most, decimals=1)
    yield Finding(
        table=table.name,
        column=table.time or "",
        rule="age",
        found=f"the newest row, of {newest:%Y-%m-%dT%H:%M:%SZ}, is {old} days old",
        allowed=f"at most {exact(most)}",
        right=days <= most,
    )


def _newest(seen: ColumnProfile, at: datetime) -> datetime | None:
    """Return the newest time up to ``at``; if later times hide it, the end of its month, at most ``at``."""
    if seen.high is None:
        return None
    newest = datetime.fromisoformat(str(seen.high))
    if newest <= at:
        return newest
    months = [month for month in seen.counts if month <= f"{at:%Y-%m}"]
    if not months:
        return None
    year, month = map(int, max(months).split("-"))
    return min(at, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=at.tzinfo))


def _shifts(table: str, profile: Profile, before: Profile | None, most: float | None) -> Iterator[Finding]:
    if most is None or before is None:
        return
    for name, seen in profile.columns.items():
        old = before.columns.get(name)
        found = None if old is None or MIXED in (old.type, seen.type) else drift.index(old, seen)
        if found is None:
            continue
        moved, _ = apart(found, most, decimals=3)
        yield Finding(
            table=table,
            column=name,
            rule="shift",
            found=f"population stability index {moved} against the champion's data",
            allowed=f"at most {exact(most)}",
            right=found <= most,
            blamed=(table,),
        )
