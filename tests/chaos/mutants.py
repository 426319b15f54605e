"""Deliberate errors that people might make; the invariants must catch each.

A mutant is a patch for one run, and a story in which it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.chaos import mutations as m
from tests.chaos.run import Run, ViolationError
from tests.chaos.stories import (
    Story,
    ahead,
    beaten,
    cut_off,
    frozen,
    in_between,
    kept,
    misreported,
    one,
    overruled,
    overwritten_alone,
    overwritten_by_worse,
    poisoned,
    refused_then_good,
    slowed,
    three,
    told_again,
    troubled,
)

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Mutant:
    """One deliberate error.

    Parameters
    ----------
    what
        Short description.
    patch
        Applies it.
    story
        Story in which it shows.
    """

    what: str
    patch: Patch
    story: Story


MUTANTS = (
    Mutant("ingest takes every event for a new upload", m.drop_the_dedup, told_again),
    Mutant("a route is written whatever came before", m.skip_compare_and_swap, beaten),
    Mutant(
        "a promotion does not ask whom it was judged against",
        m.forget_the_judgement,
        troubled("champion_changed", versions=2),
    ),
    Mutant("a job that was Stopped counts as Completed", m.accept_stopped, troubled("job_stopped_partial")),
    Mutant("NaN counts as better", m.accept_nan, troubled("metric_nan")),
    Mutant("any figure is good enough", m.accept_any_figure, troubled("labels_flipped")),
    Mutant("new rows outvote those held out before", m.let_the_new_rows_outvote, poisoned),
    Mutant("new rows are believed where those before are gone", m.trust_new_rows_alone, overwritten_alone),
    Mutant(
        "the bound alone decides where the champion cannot answer",
        m.leave_it_to_the_bound,
        troubled("champion_incomparable"),
    ),
    Mutant("another run's report is believed", m.believe_any_report, misreported),
    Mutant("keys are decoded that are not encoded", m.unquote_the_key, troubled("odd_key")),
    Mutant(
        "an upload is known by its key alone",
        m.forget_versions_of_objects,
        troubled("overwritten_before_read"),
    ),
    Mutant("an endpoint's config is deleted before the endpoint", m.delete_the_config_too_early, three),
    Mutant("a manifest lists what is quarantined", m.list_what_is_quarantined, refused_then_good),
    Mutant("data that breaks its spec is accepted", m.accept_bad_rows, troubled("label_unknown")),
    Mutant("a version serves before its smoke test", m.promote_before_smoke, one),
    Mutant("the model's lock is taken whoever holds it", m.forget_the_lock, in_between),
    Mutant("a run that failed keeps the lock", m.keep_the_lock, troubled("job_failed")),
    Mutant("the reason of a failure is dropped", m.drop_the_reason, troubled("job_failed")),
    Mutant("people are not told", m.tell_nobody, troubled("job_failed")),
    Mutant("ingest swallows what it cannot read", m.swallow_what_fails, troubled("poison_message")),
    Mutant("what the route names is retired", m.retire_what_is_named, three),
    Mutant("answers are attributed to the next version", m.attribute_to_another, one),
    Mutant("a route is remembered for good", m.remember_for_good, three),
    Mutant("a frozen route is moved by runs", m.ignore_the_freeze, frozen),
    Mutant(
        "a version that nobody decided about is deployed",
        m.approve_by_silence,
        troubled("approval_unanswered"),
    ),
    Mutant("the last decision about a version counts", m.let_the_last_decide, overruled),
    Mutant("the sweep does not compare S3 with the ledger", m.sweep_nothing, troubled("event_lost")),
    Mutant("a shard is written over", m.write_shards_over, cut_off("PutObject", 0)),
    Mutant(  # the first update counts the check
        "an upload is accepted before its shard is there", m.accept_before_writing, cut_off("UpdateItem", 1)
    ),
    Mutant("a record is written each time it comes", m.write_records_again, troubled("record_sent_twice")),
    Mutant("a kept cloud answers before it has written", m.answer_early, kept),
    Mutant("a run sees rows of the future", m.see_the_future, ahead),
    Mutant("a run takes an upload before the time of its rows", m.take_before_its_time, ahead),
    Mutant("nobody asks for a run when the time of rows has come", m.wait_for_ever, ahead),
    Mutant("ingest takes rows of any date", m.take_any_date, ahead),
    Mutant("rows that wait are not counted", m.count_none_that_wait, ahead),
    Mutant("a check has no deadline", m.check_for_ever, slowed),
    Mutant("a check is not counted before it begins", m.count_no_check, slowed),
    Mutant("whoever comes has ingest's places", m.give_every_place, slowed),
    Mutant("a reason is as long as what it quotes", m.quote_in_full, troubled("long_reasons")),
    Mutant("people do not hear of a replacement", m.replace_silently, troubled("two_names")),
    Mutant("one content counts under each of its names", m.count_content_twice, troubled("two_names")),
    Mutant(
        "what is overwritten is superseded before a run used the new",
        m.supersede_at_once,
        overwritten_by_worse,
    ),
)


def caught_by(mutant: Mutant | None, story: Story) -> list[str]:
    """Run a story with a mutant, or with none; return the names of violated invariants."""
    run = Run()
    with pytest.MonkeyPatch.context() as patch:
        if mutant is not None:
            mutant.patch(patch)
        try:
            story(run.acts)
            run.end()
        except ViolationError as error:
            return sorted({name for name, _ in error.found})
        finally:
            run.close()
    return []
