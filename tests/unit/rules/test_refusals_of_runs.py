"""Every reason that a candidate is rejected, or a run failed, for, with what causes it; none can be added without a line here."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from relearn.lifecycle import promotion, runs
from relearn.lifecycle.changed_spec import ChangedSpec, NewClass
from relearn.lifecycle.comparison import Comparison, ExaminedBefore
from relearn.lifecycle.promotion import Naive, Reference, decide
from relearn.lifecycle.runs import ADVICE, QUOTA_ERRORS, failure_reason
from relearn.spec.model import Metric
from tests.support import words_of_refusals

POLICY = Metric("accuracy", minimum=0.8, margin=0.01)
ERROR = Metric("mae", maximum=10.0, margin=1.0)
POPULAR = Naive("popularity", 0.9, 0.0, -0.1, 0.95)
BEATEN = Naive("popularity", 0.5, 0.4, 0.3, 0.95)
Given = tuple[float, float | None, Metric, Naive | None]
NEAR = Metric("accuracy", minimum=0.8)
KEEP = Metric("accuracy", minimum=0.8, undecided="keep")


def compared(difference: float, width: float) -> Comparison:
    return Comparison(difference, difference - width, difference + width, 0.6 * width, 1.5 * width, 0.95, 37)


DECISIONS: dict[str, Given] = {
    "accuracy of the candidate is nan, not a finite number": (math.nan, None, POLICY, None),
    "accuracy 0.7000; the spec demands at least 0.8": (0.7, None, POLICY, None),
    "mae 11.0000; the spec demands at most 10": (11.0, None, ERROR, None),
    "accuracy 0.9000 is not surely better than popularity, 0.9000: by at least -0.1000 (95% sure); needed above 0": (0.9, None, POLICY, POPULAR),
    "accuracy of the champion is inf: nothing to compare 0.9000 with": (0.9, math.inf, POLICY, None),
    "accuracy 0.9000 against the champion's 0.9500; needed at least 0.9600 on the same holdout": (0.9, 0.95, POLICY, None),
    "mae 9.0000 against the champion's 9.5000; needed at most 8.5000 on the same holdout": (9.0, 9.5, ERROR, None),
    "accuracy 0.9000 meets the spec's bound, at least 0.8; first model": (0.9, None, POLICY, None),
    "accuracy 0.9000 meets the spec's bound, at least 0.8; better than popularity, 0.5000, by at least 0.3000 (95% sure); first model": (0.9, None, POLICY, BEATEN),
    "accuracy 0.9000 against the champion's 0.8000 on the same holdout": (0.9, 0.8, POLICY, None),
}  # fmt: skip
"""A reason, to candidate, champion, policy and the simplest method."""
VERDICTS: dict[str, tuple[float, Metric, Comparison]] = {
    "accuracy 0.9500 against the champion's 0.9000 on 37 rows held out: better by at least 0.03 (95% sure)": (0.95, NEAR, compared(0.05, 0.02)),
    "accuracy 0.9000 against the champion's 0.9000 on 37 rows held out: as good: a loss above 0.01 is ruled out (95% sure)": (0.9, NEAR, compared(0.0, 0.005)),
    "accuracy 0.8500 against the champion's 0.9000 on 37 rows held out: worse by at least 0.03 (95% sure)": (0.85, NEAR, compared(-0.05, 0.02)),
    "accuracy 0.9200 against the champion's 0.9000 on 37 rows held out: no difference seen; one below 0.12 cannot be seen on so few": (0.92, NEAR, compared(0.02, 0.08)),
    "accuracy 0.8700 against the champion's 0.9000 on 37 rows held out: no difference seen; one below 0.12 cannot be seen on so few; behind by more than 0.02": (0.87, NEAR, compared(-0.03, 0.08)),
    "accuracy 0.9200 against the champion's 0.9000 on 37 rows held out: no difference seen; one below 0.12 cannot be seen on so few; the spec keeps the champion then": (0.92, KEEP, compared(0.02, 0.08)),
    "accuracy 0.9500 against the champion's 0.9000 on 37 rows held out: better by at least 0.03 (95% sure); a person decides, as its lead is -0.3 on 37 rows held out before and +0.05 on 37 new rows: the new labels are wrong, or the world changed": (0.95, NEAR, replace(compared(0.05, 0.02), known=compared(-0.3, 0.1), new=compared(0.05, 0.02))),
    "accuracy 0.9500 against the champion's 0.9000 on 27 rows held out, a difference of +0.05 with 10 cross-validated: better by at least 0.03 (95% sure)": (0.95, NEAR, replace(compared(0.05, 0.02), crossed=10)),
    "accuracy 0.9500 against the champion's 0.9000 on 37 rows held out: better by at least 0.03 (95% sure); a person decides, as of 30 rows that the champion was examined on 7 are left": (0.95, NEAR, replace(compared(0.05, 0.02), before=ExaminedBefore(30, 7, 30))),
    "accuracy 0.9500 against the champion's 0.9000 on 37 rows held out: better by at least 0.03 (95% sure); a person decides, as the metric is undefined on the 7 rows held out before": (0.95, NEAR, replace(compared(0.05, 0.02), before=ExaminedBefore(7, 7, 30))),
}  # fmt: skip
"""A reason, to candidate, policy and comparison; the champion has 0.9."""
FEW = NewClass("maybe", 7, "recall", 0.9)
CHANGED: dict[str, tuple[Comparison | None, ChangedSpec | None, str]] = {
    "accuracy 0.9500 meets the spec's bound, at least 0.8; version 3 cannot be compared: it needs depth, which the spec no longer has; a person decides": (None, None, "version 3 cannot be compared: it needs depth, which the spec no longer has"),
    "recall of maybe, which the champion does not know, is 0.1000 on 37 rows held out; the spec demands at least 0.8": (compared(0.05, 0.02), ChangedSpec({"accuracy": 0.95}, 37, 74, new=(NewClass("maybe", 37, "recall", 0.1),)), ""),
    "accuracy 0.9500 against the champion's 0.9000 on 37 rows held out: better by at least 0.03 (95% sure); a person decides, as maybe has 7 rows held out, too few to measure it": (compared(0.05, 0.02), ChangedSpec({"accuracy": 0.95}, 37, 44, new=(FEW,)), ""),
    "accuracy 0.9500 against the champion's 0.9000 on 37 rows held out: better by at least 0.03 (95% sure); a person decides, as most rows held out are not compared": (compared(0.05, 0.02), ChangedSpec({"accuracy": 0.95}, 37, 90, needs=("depth",), incomplete=53), ""),
}  # fmt: skip
"""A reason after a change of the spec, to comparison, what it is about, and why there is none."""
DECAYED = "accuracy 0.9000 against 0.9300 of version 3, the last that was surely better than the one before it, on 37 rows held out: worse by at least 0.01 (95% sure), and behind by more than 0.01: small losses have added up"
"""The reason of a candidate as good as the champion, with 0.9, that is behind the reference."""
QUOTA = next(iter(QUOTA_ERRORS))
FAILURES: dict[str, tuple[str, str]] = {
    "States.Timeout": ("States.Timeout", ""),
    "States.TaskFailed: AlgorithmError: no row": ("States.TaskFailed", json.dumps({"FailureReason": "AlgorithmError: no row"})),
    "States.TaskFailed: the training job was stopped (MaxRuntimeExceeded)": ("States.TaskFailed", json.dumps({"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"})),
    "States.TaskFailed: the run of the Glue job features ended as TIMEOUT": ("States.TaskFailed", json.dumps({"JobName": "features", "JobRunState": "TIMEOUT"})),
    "ConflictError: someone was first": ("ConflictError", json.dumps({"errorMessage": "someone was first"})),
    "OSError: the disk is full: a function's temporary disk; redrive the run, another instance has room": ("OSError", json.dumps({"errorMessage": "[Errno 28] No space left on device: '/tmp/x'"})),
    f"{QUOTA}: limit is 1 {ADVICE}": (QUOTA, "limit is 1"),
}  # fmt: skip
"""A reason, to the error's name and its cause."""


@pytest.mark.parametrize("reason", DECISIONS)
def test_a_decision_says_what_was_found_and_what_was_needed(reason: str) -> None:
    mine, theirs, policy, naive = DECISIONS[reason]
    champion = None if theirs is None else {policy.name: theirs}
    assert decide({policy.name: mine}, champion, policy, naive).reason == reason


@pytest.mark.parametrize("reason", VERDICTS)
def test_a_decision_with_an_interval_says_what_is_sure(reason: str) -> None:
    mine, policy, comparison = VERDICTS[reason]
    assert decide({"accuracy": mine}, {"accuracy": 0.9}, policy, None, comparison).reason == reason


@pytest.mark.parametrize("reason", CHANGED)
def test_a_decision_after_a_change_of_the_spec_says_what_could_not_be_compared(reason: str) -> None:
    comparison, changed, why = CHANGED[reason]
    champion = None if comparison is None else {"accuracy": 0.9}
    decision = decide({"accuracy": 0.95}, champion, NEAR, None, comparison, changed=changed, incomparable=why)
    assert decision.reason == reason


def test_a_decision_against_the_reference_says_what_has_added_up() -> None:
    reference = Reference(3, 0.93, compared(-0.03, 0.02))
    decision = decide({"accuracy": 0.9}, {"accuracy": 0.9}, NEAR, None, compared(0.0, 0.005), reference)
    assert decision.reason == DECAYED


@pytest.mark.parametrize("reason", FAILURES)
def test_a_failed_run_says_what_ended_it(reason: str) -> None:
    assert failure_reason(*FAILURES[reason]) == reason


def test_every_reason_of_a_decision_in_the_code_has_figures_that_cause_it() -> None:
    path = Path(promotion.__file__)
    found = [*words_of_refusals.said(path, {"Decision": 1}), *words_of_refusals.given(path)]
    assert len(found) > 8
    assert [words for words in found if not _told(words, [*DECISIONS, *VERDICTS, *CHANGED, DECAYED])] == []


def test_every_reason_of_a_failure_in_the_code_has_a_cause() -> None:
    path = Path(runs.__file__)
    found = [words for words in words_of_refusals.given(path) if "…" in words]
    assert found
    assert [words for words in found if not _told(words, FAILURES)] == []


def _told(words: str, table: Iterable[str]) -> bool:
    pattern = ".*".join(map(re.escape, words.split("…")))
    return any(re.search(pattern, reason) for reason in table)
