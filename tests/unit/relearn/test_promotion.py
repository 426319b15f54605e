"""When a candidate may replace the champion."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.lifecycle.comparison import Comparison, ExaminedBefore
from relearn.lifecycle.promotion import Decision, Naive, Reference, decide, not_compared
from relearn.spec.model import Metric

HIGHER = Metric("accuracy", minimum=0.8, margin=0.01)
LOWER = Metric("mae", maximum=10.0, margin=1.0)
SCORES = st.floats(-1e6, 1e6)
ANY_SCORES = st.floats() | SCORES


@pytest.mark.parametrize(
    ("policy", "candidate", "champion", "verdict"),
    [
        (HIGHER, 0.8, None, "promote"),
        (HIGHER, 0.79, None, "reject"),
        (HIGHER, 0.92, 0.9, "promote"),
        (HIGHER, 0.905, 0.9, "reject"),
        (HIGHER, 0.79, 0.1, "reject"),
        (LOWER, 10.0, None, "promote"),
        (LOWER, 10.1, None, "reject"),
        (LOWER, 4.0, 5.0, "promote"),
        (LOWER, 4.5, 5.0, "reject"),
    ],
)
def test_a_candidate_must_meet_the_bound_and_beat_the_champion_by_the_margin(
    policy: Metric, candidate: float, champion: float | None, verdict: str
) -> None:
    rival = None if champion is None else {policy.name: champion}
    decision = decide({policy.name: candidate}, rival, policy)
    assert decision.verdict == verdict
    assert f"{candidate:.4f}" in decision.reason


@pytest.mark.parametrize(
    ("candidate", "champion", "told"),
    [
        (0.94838, 0.94841, "accuracy 0.94838 against the champion's 0.94841; needed at least 0.94841 on"),
        (0.49999999, 0.9, "accuracy 0.49999999; the spec demands at least 0.5"),
    ],
)
def test_a_rejection_by_a_little_shows_what_was_lacking(candidate: float, champion: float, told: str) -> None:
    decision = decide({"accuracy": candidate}, {"accuracy": champion}, Metric("accuracy", minimum=0.5))
    assert decision.verdict == "reject"
    assert decision.reason.startswith(told)


def test_without_a_margin_a_tie_is_promoted() -> None:
    policy = Metric("accuracy", minimum=0.5)
    assert decide({"accuracy": 0.7}, {"accuracy": 0.7}, policy).verdict == "promote"


@given(st.sampled_from([HIGHER, LOWER]), st.sampled_from([math.nan, math.inf, -math.inf]), ANY_SCORES)
def test_what_is_not_finite_never_wins(policy: Metric, value: float, champion: float) -> None:
    assert decide({policy.name: value}, {policy.name: champion}, policy).verdict == "reject"
    assert decide({policy.name: value}, None, policy).verdict == "reject"


@given(st.sampled_from([HIGHER, LOWER]), st.sampled_from([math.nan, math.inf, -math.inf]), SCORES)
def test_against_a_champion_without_a_finite_metric_nothing_wins(
    policy: Metric, champion: float, value: float
) -> None:
    assert decide({policy.name: value}, {policy.name: champion}, policy).verdict == "reject"


NOT_COMPARED = not_compared({"version": 3, "reason": "it needs depth, which the spec no longer has"})


def test_a_champion_that_cannot_answer_leaves_the_decision_to_a_person() -> None:
    decision = decide({"accuracy": 0.9}, None, HIGHER, incomparable=NOT_COMPARED)
    assert (decision.verdict, decision.asks, decision.becomes_reference) == ("promote", True, True)
    assert decision.reason == (
        "accuracy 0.9000 meets the spec's bound, at least 0.8; version 3 cannot be compared: it needs depth, "
        "which the spec no longer has; a person decides"
    )


def test_a_candidate_below_the_bound_is_rejected_without_a_person() -> None:
    decision = decide({"accuracy": 0.7}, None, HIGHER, incomparable=NOT_COMPARED)
    assert (decision.verdict, decision.asks) == ("reject", False)


def test_small_losses_are_refused_though_the_champion_cannot_answer() -> None:
    reference = Reference(1, 0.95, compared(-0.05, 0.02))
    decision = decide({"accuracy": 0.9}, None, HIGHER, None, None, reference, incomparable=NOT_COMPARED)
    assert decision.verdict == "reject"
    assert "of version 1, the last that was surely better" in decision.reason


@given(SCORES)
def test_a_missing_metric_never_wins(value: float) -> None:
    assert decide({}, None, HIGHER).verdict == "reject"
    assert decide({"accuracy": value}, {}, HIGHER).verdict == "reject"


@given(st.sampled_from([HIGHER, LOWER]), SCORES, SCORES)
def test_what_is_promoted_meets_the_bound_and_is_no_worse_than_the_champion(
    policy: Metric, value: float, champion: float
) -> None:
    if decide({policy.name: value}, {policy.name: champion}, policy).verdict == "promote":
        if policy.lower_is_better:
            assert value <= 10.0
            assert value < champion
        else:
            assert value >= 0.8
            assert value > champion


@given(st.sampled_from([HIGHER, LOWER]), SCORES, SCORES)
def test_two_models_never_each_beat_the_other(policy: Metric, one: float, two: float) -> None:
    first = decide({policy.name: one}, {policy.name: two}, policy).verdict
    second = decide({policy.name: two}, {policy.name: one}, policy).verdict
    assert "reject" in (first, second)


WIDTHS = st.floats(0, 0.5)
TOLD = {
    "difference": 0.1, "low": 0.0, "high": 0.2, "error": 0.06, "smallest": 0.15, "confidence": 0.95, "rows": 37
}  # fmt: skip


def compared(difference: float, width: float, rows: int = 37) -> Comparison:
    return Comparison(
        difference, difference - width, difference + width, 0.6 * width, 1.5 * width, 0.95, rows
    )


def judged(policy: Metric, difference: float, width: float, champion: float = 0.9) -> Decision:
    sign = -1 if policy.lower_is_better else 1
    value = {policy.name: champion + sign * difference}
    return decide(value, {policy.name: champion}, policy, None, compared(difference, width))


@pytest.mark.parametrize(
    ("difference", "width", "verdict"),
    [
        (0.05, 0.04, "better"),
        (0.005, 0.01, "as good"),
        (-0.005, 0.004, "as good"),
        (0.03, 0.05, "no difference seen"),
        (-0.03, 0.05, "no difference seen"),
        (-0.05, 0.04, "worse"),
    ],
)
def test_a_verdict_is_what_the_interval_makes_sure(difference: float, width: float, verdict: str) -> None:
    assert compared(difference, width).verdict(0.01) == verdict


@given(st.floats(-0.5, 0.5), WIDTHS, st.floats(0, 0.1))
def test_of_two_versions_never_each_is_better_than_the_other(
    difference: float, width: float, tolerance: float
) -> None:
    one, two = (compared(sign * difference, width).verdict(tolerance) for sign in (1, -1))
    assert {one, two} != {"better"}
    assert {one, two} != {"worse"}


@given(st.floats(-0.5, 0.5), WIDTHS, st.sampled_from(["near", "promote", "keep"]))
def test_no_interval_promotes_what_is_surely_worse_by_more_than_the_tolerance(
    difference: float, width: float, undecided: Any
) -> None:
    policy = Metric("mae", maximum=10, undecided=undecided)
    comparison = compared(difference, width)
    decision = judged(policy, difference, width)
    if comparison.high < -policy.tolerated(0.9):
        assert decision.verdict == "reject"
    if comparison.low > 0:
        assert decision.verdict == "promote"


@pytest.mark.parametrize(
    ("undecided", "difference", "verdict"),
    [
        ("near", -0.019, "promote"),
        ("near", -0.021, "reject"),
        ("promote", -0.09, "promote"),
        ("keep", 0.09, "reject"),
    ],
)
def test_the_spec_says_what_becomes_of_a_candidate_without_a_difference(
    undecided: Any, difference: float, verdict: str
) -> None:
    policy = Metric("accuracy", minimum=0.5, undecided=undecided)
    assert judged(policy, difference, 0.1).verdict == verdict


@pytest.mark.parametrize(("error", "near"), [(0.001, 0.01), (0.015, 0.015), (0.06, 0.02)])
def test_near_is_a_standard_error_of_one_to_two_tolerances(error: float, near: float) -> None:
    assert compared(0.0, error / 0.6).near(0.01) == pytest.approx(near)


BETTER, NOISE = compared(0.3, 0.05, rows=600), compared(0.01, 0.05, rows=600)
FALLEN, STEADY = compared(-0.4, 0.1), compared(-0.01, 0.1)


def on_parts(
    known: Comparison | None,
    new: Comparison | None,
    fall: Comparison,
    contradiction: Any = "ask",
    before: tuple[int, int, int] | None = None,
) -> Decision:
    left = None if before is None else ExaminedBefore(*before)
    comparison = replace(BETTER, known=known, new=new, fall=fall, before=left)
    policy = Metric("accuracy", minimum=0.5, contradiction=contradiction)
    return decide({"accuracy": 0.9}, {"accuracy": 0.6}, policy, None, comparison)


@pytest.mark.parametrize(
    ("known", "new", "fall"),
    [
        (compared(-0.3, 0.1), BETTER, STEADY),
        (compared(-0.05, 0.1), BETTER, STEADY),
        (compared(0.0, 0.1), NOISE, FALLEN),
        (compared(0.05, 0.1), NOISE, FALLEN),
    ],
)
def test_a_person_decides_where_new_rows_contradict_what_was_held_out_before(
    known: Comparison, new: Comparison, fall: Comparison
) -> None:
    decision = on_parts(known, new, fall)
    assert (decision.verdict, decision.asks) == ("promote", True)
    assert "a person decides" in decision.reason


@pytest.mark.parametrize(
    ("known", "new", "fall"),
    [
        (compared(0.0, 0.1), BETTER, FALLEN),
        (compared(0.07, 0.1), NOISE, FALLEN),
        (compared(-0.005, 0.1), NOISE, STEADY),
        (compared(0.3, 0.1), BETTER, STEADY),
    ],
)
def test_nobody_is_asked_where_a_candidate_is_good_on_the_known_rows_and_learns_from_the_new_ones(
    known: Comparison, new: Comparison, fall: Comparison
) -> None:
    assert on_parts(known, new, fall).asks is False


def test_a_promotion_says_what_the_known_rows_cannot_show() -> None:
    told = "; the champion is surely worse on the new rows than on those held out before, which cannot show whether the new labels are right"
    assert on_parts(compared(0.0, 0.1), BETTER, FALLEN).reason.endswith(told)
    assert told not in on_parts(compared(0.0, 0.1), BETTER, STEADY).reason


def test_who_expects_the_world_to_change_is_not_asked() -> None:
    assert on_parts(compared(-0.3, 0.1), BETTER, FALLEN, "promote").asks is False


@pytest.mark.parametrize(
    ("known", "before", "why"),
    [
        (None, (300, 0, 900), "of 300 rows that the champion was examined on none is left"),
        (compared(0.3, 0.1), (300, 149, 900), "of 300 rows that the champion was examined on 149 are left"),
        (None, (300, 300, 900), "the metric is undefined on the 300 rows held out before"),
    ],
)
def test_a_person_decides_where_rows_held_out_before_can_say_nothing_of_new_ones(
    known: Comparison | None, before: tuple[int, int, int], why: str
) -> None:
    decision = on_parts(known, BETTER, STEADY, before=before)
    assert (decision.verdict, decision.asks) == ("promote", True)
    assert decision.reason.endswith(f"; a person decides, as {why}")
    assert on_parts(known, BETTER, STEADY, "promote", before).asks is False


@pytest.mark.parametrize(
    ("known", "before"),
    [
        (compared(0.3, 0.1), (300, 150, 900)),
        (compared(0.3, 0.1), (300, 100, 0)),
        (None, (0, 0, 900)),
    ],
)
def test_nobody_is_asked_where_half_of_them_are_left_or_nothing_is_new(
    known: Comparison | None, before: tuple[int, int, int]
) -> None:
    assert on_parts(known, BETTER, STEADY, before=before).asks is False


def test_known_rows_refuse_a_candidate_also_where_the_new_ones_do_not_show_the_metric() -> None:
    decision = on_parts(compared(-0.3, 0.1), None, STEADY, before=(40, 40, 60))
    assert decision.asks
    assert "-0.3 on 37 rows held out before: the new labels are wrong" in decision.reason


@given(st.floats(-0.5, 0.5), WIDTHS, st.sampled_from([FALLEN, STEADY]))
def test_what_is_surely_worse_on_the_known_rows_is_never_promoted_without_a_person(
    difference: float, width: float, fall: Comparison
) -> None:
    known = compared(difference, width)
    if known.verdict(0.01) == "worse":
        assert on_parts(known, BETTER, fall).asks


def on_half_replaced(gone: int, gain: float, fall: Comparison = FALLEN) -> Decision:
    comparison = replace(
        compared(gain, 0.01), known=compared(0.0, 0.01), new=compared(gain, 0.01), fall=fall,
        before=ExaminedBefore(300, 300 - gone, 60, gone),
    )  # fmt: skip
    policy = Metric("accuracy", minimum=0.5)
    return decide({"accuracy": 0.9}, {"accuracy": 0.6}, policy, None, comparison)


def test_a_person_decides_where_known_rows_are_gone_that_may_have_contradicted_the_new_ones() -> None:
    decision = on_half_replaced(gone=75, gain=0.8)
    assert (decision.verdict, decision.asks) == ("promote", True)
    assert "on 37 rows held out before (75 more are gone) and +0.8 on 37 new rows" in decision.reason


@pytest.mark.parametrize(
    ("gone", "gain", "fall"), [(0, 0.8, FALLEN), (3, 0.8, FALLEN), (75, 0.8, STEADY), (75, 0.02, FALLEN)]
)
def test_nobody_is_asked_where_none_few_or_no_contradicting_rows_are_gone(
    gone: int, gain: float, fall: Comparison
) -> None:
    assert on_half_replaced(gone, gain, fall).asks is False


def test_known_rows_refuse_a_candidate_also_where_all_new_rows_are_cross_validated() -> None:
    comparison = replace(compared(0.3, 0.01), crossed=20, known=compared(-0.3, 0.1))
    policy = Metric("accuracy", minimum=0.5)
    decision = decide({"accuracy": 0.6}, {"accuracy": 0.9}, policy, None, comparison)
    assert (decision.verdict, decision.asks) == ("promote", True)


def test_parts_are_read_from_a_report() -> None:
    found = Comparison.from_report({"comparison": {**TOLD, "known": TOLD, "new": None}})
    assert found is not None
    assert (found.known, found.new, found.fall) == (replace(found, known=None), None, None)


def test_what_is_left_of_the_rows_before_is_read_from_a_report_as_it_was_written() -> None:
    written = replace(compared(0.1, 0.1), before=ExaminedBefore(40, 30, 60))
    assert Comparison.from_report({"comparison": written.as_dict()}) == written


@given(st.floats(-0.5, 0.5), WIDTHS, st.floats(-0.5, 0.5))
def test_new_uploads_of_a_refused_candidate_stay_unless_a_loss_is_sure(
    difference: float, width: float, of_known: float
) -> None:
    policy = Metric("accuracy", minimum=0.5, undecided="keep", margin=0.1)
    comparison = replace(compared(difference, width), known=compared(of_known, width))
    decision = decide({"accuracy": 0.8}, {"accuracy": 0.8}, policy, None, comparison)
    sure = "worse" in {comparison.verdict(0.01), compared(of_known, width).verdict(0.01)}
    assert (decision.verdict, decision.keeps) == ("reject", not sure)
    assert decision.loss == ("champion" if sure else "")


def test_new_uploads_do_not_stay_where_nothing_was_compared() -> None:
    policy = Metric("accuracy", minimum=0.9)
    assert decide({"accuracy": 0.8}, None, policy).keeps is False
    assert decide({"accuracy": 0.8}, {"accuracy": 0.95}, policy).keeps is False


def test_a_margin_is_needed_beside_any_verdict() -> None:
    policy = Metric("accuracy", minimum=0.5, margin=0.02)
    assert judged(policy, 0.019, 0.001).verdict == "reject"
    assert judged(policy, 0.021, 0.001).verdict == "promote"
    assert judged(policy, 0.021, 0.1).verdict == "promote"


def test_a_comparison_is_read_from_a_report() -> None:
    assert Comparison.from_report({"comparison": TOLD}) == Comparison(0.1, 0.0, 0.2, 0.06, 0.15, 0.95, 37)
    assert Comparison.from_report({"version": 1}) is None
    assert Comparison.from_report(None) is None


@pytest.mark.parametrize(
    "changed", [{"low": 0.3}, {"high": math.inf}, {"low": math.nan}, {"smallest": -1}, {"error": -1}]
)
def test_a_comparison_whose_figures_contradict_each_other_is_refused(changed: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"^a difference of 0\.1 from "):
        Comparison.from_report({"comparison": TOLD | changed})


def held_against(reference: Comparison | None, champion: Comparison | None = None, **policy: Any) -> Decision:
    """Judge a candidate with 0.90, a champion with 0.90 and a reference with 0.90 less its difference."""
    older = None if reference is None else Reference(3, 0.9 - reference.difference, reference)
    found = Metric("accuracy", minimum=0.5, **policy)
    return decide({"accuracy": 0.9}, {"accuracy": 0.9}, found, None, champion or compared(0.0, 0.005), older)


def test_small_losses_that_add_up_against_the_reference_are_refused_with_the_figures() -> None:
    decision = held_against(compared(-0.03, 0.02, rows=300))
    assert decision == Decision(
        "reject",
        "accuracy 0.9000 against 0.9300 of version 3, the last that was surely better than the one before it, on "
        "300 rows held out: worse by at least 0.01 (95% sure), and behind by more than 0.01: small losses have added up",
        loss="reference",
    )


@pytest.mark.parametrize(
    ("difference", "width"),
    [(-0.03, 0.04), (-0.009, 0.001), (0.0, 0.02), (0.1, 0.02)],
)
def test_what_is_not_surely_behind_the_reference_by_more_than_the_tolerance_is_promoted(
    difference: float, width: float
) -> None:
    assert held_against(compared(difference, width)).verdict == "promote"


@pytest.mark.parametrize("policy", [{"margin": -0.02}, {"undecided": "promote"}, {"tolerance": 0.02}])
def test_neither_a_margin_nor_the_rule_for_what_is_undecided_lets_decay_pass(policy: dict[str, Any]) -> None:
    metric = Metric("ndcg_at_k", minimum=0.1, **policy)
    decay = Reference(3, 0.93, compared(-0.03, 0.02))
    champion = compared(-0.005, 0.002)
    decision = decide({"ndcg_at_k": 0.9}, {"ndcg_at_k": 0.905}, metric, None, champion, decay)
    assert decision.verdict == "reject"


def test_an_error_decays_by_a_share_of_the_references_value() -> None:
    policy = Metric("mae", maximum=100.0)
    for difference, verdict in ((-0.1, "promote"), (-0.3, "reject")):
        reference = Reference(3, 10.0, compared(difference, 0.05))
        decision = decide(
            {"mae": 10 - difference}, {"mae": 10.0}, policy, None, compared(0.0, 0.01), reference
        )
        assert decision.verdict == verdict


def test_a_candidate_that_no_champion_can_be_compared_with_is_held_against_the_reference() -> None:
    policy = Metric("accuracy", minimum=0.5)
    decay = Reference(3, 0.95, compared(-0.05, 0.02))
    assert decide({"accuracy": 0.9}, None, policy, None, None, decay).verdict == "reject"


@pytest.mark.parametrize(
    ("champion", "reference", "becomes"),
    [
        (compared(0.05, 0.04), None, True),
        (compared(0.05, 0.04), compared(0.001, 0.02), True),
        (compared(0.05, 0.04), compared(-0.001, 0.02), False),
        (compared(0.005, 0.01), compared(0.001, 0.02), False),
        (compared(0.03, 0.05), None, False),
    ],
)
def test_only_what_is_surely_better_than_the_champion_and_not_behind_the_reference_becomes_the_next_one(
    champion: Comparison, reference: Comparison | None, *, becomes: bool
) -> None:
    assert held_against(reference, champion).becomes_reference is becomes


def test_a_first_model_and_what_a_person_lets_serve_become_the_reference() -> None:
    assert decide({"accuracy": 0.9}, None, Metric("accuracy", minimum=0.5)).becomes_reference
    asked = on_parts(compared(-0.3, 0.1), BETTER, FALLEN)
    assert (asked.asks, asked.becomes_reference) == (True, True)
    promoted = on_parts(compared(-0.3, 0.1), NOISE, STEADY, "promote")
    assert (promoted.asks, promoted.becomes_reference) == (False, True)


def test_a_reference_is_read_from_a_report() -> None:
    told = {"version": 3, "metrics": {"accuracy": 0.9}, "comparison": TOLD}
    found = Reference.from_report(told, "accuracy")
    assert found == Reference(3, 0.9, Comparison(0.1, 0.0, 0.2, 0.06, 0.15, 0.95, 37))
    assert Reference.from_report(None, "accuracy") is None
    assert Reference.from_report({**told, "comparison": None}, "accuracy") is None


def test_a_reference_without_a_finite_value_is_refused() -> None:
    told = {"version": 3, "metrics": {"accuracy": math.nan}, "comparison": TOLD}
    with pytest.raises(ValueError, match=r"^accuracy of the reference is nan$"):
        Reference.from_report(told, "accuracy")


LEAD = {
    "method": "popularity",
    "metrics": {"recall": 0.25},
    "lead": {"metric": "recall", "mean": 0.1, "low": 0.05, "confidence": 0.95},
}


def test_the_lead_over_the_simplest_method_is_read_and_said() -> None:
    found = Naive.from_report(LEAD, "recall")
    assert found == Naive("popularity", 0.25, 0.1, 0.05, 0.95)
    assert found is not None
    assert found.words == "better than popularity, 0.2500, by at least 0.0500 (95% sure)"
    assert Naive.from_report(None, "recall") is None


def test_a_lead_of_another_metric_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^the lead is of recall, not of ndcg$"):
        Naive.from_report(LEAD, "ndcg")
