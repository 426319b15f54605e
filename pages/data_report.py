"""Report of a run's data: distributions of columns, now and for the champion, and broken rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pages.distributions import column_chart, missing_chart
from pages.html import amount, escape, section, table
from pages.html import document as whole_page
from relearn.data import checks, drift, profiles
from relearn.data.checks import Finding
from relearn.data.profiles import SKETCHED, ColumnProfile, Profile
from relearn.figures import counted
from relearn.spec.model import Column, ModelSpec
from relearn.spec.quality import SHIFT_LARGE, SHIFT_MODERATE


@dataclass(frozen=True, kw_only=True, slots=True)
class TableReport:
    """One table of the report.

    Parameters
    ----------
    name
        Name of the table.
    columns
        Columns in the order of the report.
    profile
        Profile of its rows.
    before
        Profile of the champion's rows; None when there is nothing to compare with.
    shards
        Number of shards; 0 for the feature set, which is not a raw table.
    """

    name: str
    columns: tuple[Column, ...]
    profile: Profile
    before: Profile | None
    shards: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DataReport:
    """Content of the report.

    Parameters
    ----------
    run_id, at
        Id of the run, and its start: ISO 8601, UTC.
    compared_with
        Description of the champion whose data is shown too; empty for none.
    tables, findings
        Tables, and results of all rules.
    """

    run_id: str
    at: str
    compared_with: str
    tables: tuple[TableReport, ...]
    findings: tuple[Finding, ...]


def document(report: DataReport) -> dict[str, Any]:
    """Return the report as JSON-ready data; the next run compares with its profiles."""
    return {
        "created_at": report.at,
        "compared_with": report.compared_with,
        "reason": checks.reason(report.findings),
        "findings": [asdict(finding) for finding in report.findings],
        "tables": {
            one.name: {"shards": one.shards, "profile": profiles.to_dict(one.profile)}
            for one in report.tables
        },
    }


def page(spec: ModelSpec, report: DataReport) -> str:
    """Return the report as an HTML page."""
    sections = [_verdict(report), section("What was checked", _checks(report))]
    sections += [section(f"Table {one.name}", _table(one)) for one in report.tables]
    head = f"{spec.name}: data of run {report.run_id}"
    return whole_page(
        head,
        f"{spec.title}: the data",
        f"Model {spec.name}, run {report.run_id}, {report.at}",
        sections,
    )


def _verdict(report: DataReport) -> str:
    breaches = [finding for finding in report.findings if not finding.right]
    shown = [(f"Rows of {one.name}", f"{one.profile.rows:,}") for one in report.tables]
    shown.append(("Rules that are broken", f"{len(breaches)} of {len(report.findings)}"))
    figures = "".join(f"<div><dd>{escape(value)}</dd><dt>{escape(word)}</dt></div>" for word, value in shown)
    if breaches:
        items = "".join(f"<li>{escape(str(breach))}</li>" for breach in breaches)
        told = f"<p><strong>This data may not be trained on.</strong></p><ul>{items}</ul>"
    else:
        told = "<p><strong>This data is as the spec demands.</strong></p>"
    with_whom = (
        f"Lines show the data of {report.compared_with}, the champion when the run began."
        if report.compared_with
        else "There is no champion whose data could be compared."
    )
    return (
        f'<section class="verdict {"reject" if breaches else "promote"}" aria-labelledby="verdict">'
        f'<h2 id="verdict">Data</h2><dl class="figures">{figures}</dl>{told}'
        f'<p class="soft">{escape(with_whom)}</p></section>'
    )


def _checks(report: DataReport) -> str:
    rows = [
        (
            f"{finding.table}.{finding.column}" if finding.column else finding.table,
            finding.rule,
            "right" if finding.right else "WRONG",
            finding.found,
            finding.allowed,
        )
        for finding in sorted(report.findings, key=lambda finding: finding.right)
    ]
    heads = ["What", "Rule", "Verdict", "Found", "Allowed"]
    return f'<div class="words">{table("Every rule of the spec, broken ones first", heads, rows)}</div>'


def _table(one: TableReport) -> str:
    old = one.before.columns if one.before else {}
    charts = [
        missing_chart(one.profile.columns, one.profile.rows, old, one.before.rows if one.before else 0),
        *(
            column_chart(column.name, one.profile.columns[column.name], old.get(column.name))
            for column in one.columns
            if column.name in one.profile.columns
        ),
    ]
    of = f" of {counted(one.shards, 'shard')}" if one.shards else ""
    return f'{_figures(one, of)}<div class="charts">{"".join(charts)}</div>'


def _figures(one: TableReport, of: str) -> str:
    old = one.before.columns if one.before else {}
    rows = [
        _row(column, one.profile.columns[column.name], old.get(column.name))
        for column in one.columns
        if column.name in one.profile.columns
    ]
    heads = ["Column", "Type", "Missing", "Mean", "Minimum", "Median", "Maximum", "Shift"]
    told = (
        f"{counted(one.profile.rows, 'row')}{of}; text by its length in characters; medians to within "
        f"{profiles.ACCURACY:.0%}; shift is the population stability index, below {SHIFT_MODERATE} none to speak "
        f"of, above {SHIFT_LARGE} large"
    )
    return table(told, heads, rows)


def _row(column: Column, now: ColumnProfile, before: ColumnProfile | None) -> Sequence[str]:
    sketched = now.type in SKETCHED
    moved = None if before is None else drift.index(before, now)
    return (
        column.name,
        now.type,
        f"{now.missing:,}",
        amount(now.mean),
        _edge(now.low),
        _median(now) if sketched else "",
        _edge(now.high),
        "" if moved is None else f"{moved:.3f}",
    )


def _median(column: ColumnProfile) -> str:
    """Format the median with three significant digits, which its accuracy allows."""
    found = column.quantile(0.5)
    return "" if found is None else amount(column.within(float(f"{found:.3g}")))


def _edge(value: float | str | None) -> str:
    return value if isinstance(value, str) else amount(value)
