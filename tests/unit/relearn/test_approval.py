"""A person's word before a version is deployed: asked once, answered once, never in doubt who did."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import InvalidDecisionError, NotWaitingError
from relearn.lifecycle import approval, decisions
from relearn.lifecycle import waiting as pending
from relearn.lifecycle.approval import Approval, ApprovalState, Decision, DecisionRequest
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.lifecycle.uploads import Upload, UploadState

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
HOURS = st.integers(1, 720)
NAMES = st.text(min_size=1, max_size=9)
WHYS = st.text(max_size=9).map(str.strip)


@st.composite
def answers(draw: st.DrawFn) -> tuple[DecisionRequest, str, datetime]:
    """Who says what, and when."""
    decision = draw(st.sampled_from(Decision))
    why = draw(WHYS if decision is Decision.APPROVE else NAMES)
    return DecisionRequest(decision, why), draw(NAMES), NOW + timedelta(hours=draw(st.integers(0, 800)))


def version(asked: Approval | None, state: VersionState = VersionState.REGISTERED) -> Version:
    return Version(model="iris", version=8, state=state, reason="it broke", approval=asked)


def waiting(hours: int = 72) -> Version:
    return version(approval.begin(NOW, hours))


@given(answers(), HOURS)
def test_the_first_answer_is_kept_with_who_gave_it_and_why(
    answer: tuple[DecisionRequest, str, datetime], hours: int
) -> None:
    asked, who, when = answer
    found = decisions.decide(waiting(hours), asked, who, when)
    assert (found.who, found.why, found.at) == (who, asked.why, when.isoformat(timespec="milliseconds"))
    assert found.verdict == asked.decision
    assert who in found.words
    assert asked.why in found.words


@given(st.lists(answers(), min_size=1, max_size=6), HOURS)
def test_of_any_answers_the_first_stands_and_all_others_hear_whose_it_was(
    given_answers: list[tuple[DecisionRequest, str, datetime]], hours: int
) -> None:
    first = decisions.decide(waiting(hours), *given_answers[0])
    stands = version(first)
    for asked, who, when in given_answers[1:]:
        if (asked, who) == given_answers[0][:2]:
            assert decisions.decide(stands, asked, who, when) == first
        else:
            with pytest.raises(NotWaitingError) as refused:
                decisions.decide(stands, asked, who, when)
            assert first.words in str(refused.value)


@given(HOURS, st.integers(-3, 3))
def test_a_question_is_given_up_when_its_time_is_over_and_no_second_before(hours: int, seconds: int) -> None:
    asked = approval.begin(NOW, hours)
    found = approval.expire(asked, NOW + timedelta(hours=hours, seconds=seconds))
    assert found.state is (ApprovalState.EXPIRED if seconds >= 0 else ApprovalState.WAITING)
    assert found.verdict == ("reject" if seconds >= 0 else "wait")


@given(answers())
def test_an_answer_is_never_given_up(answer: tuple[DecisionRequest, str, datetime]) -> None:
    found = decisions.decide(waiting(), *answer)
    assert approval.expire(found, NOW + timedelta(days=999)) is found


@pytest.mark.parametrize("state", [state for state in VersionState if state is not VersionState.REGISTERED])
def test_a_version_that_went_on_without_an_answer_takes_none(state: VersionState) -> None:
    with pytest.raises(NotWaitingError, match=f"does not wait for a decision: it is {state}: it broke"):
        decisions.decide(
            version(approval.begin(NOW, 1), state), DecisionRequest(Decision.APPROVE), "ann", NOW
        )


def test_a_version_that_nobody_has_to_approve_takes_no_answer() -> None:
    with pytest.raises(NotWaitingError, match="version 8 of iris does not wait for a decision: it is LIVE"):
        decisions.decide(version(None, VersionState.LIVE), DecisionRequest(Decision.REJECT, "no"), "ann", NOW)


def test_whoever_is_not_named_is_told_so() -> None:
    assert decisions.decide(waiting(), DecisionRequest(Decision.APPROVE), "", NOW).who == "an unnamed caller"


@given(st.sampled_from(ApprovalState), HOURS)
def test_an_approval_reads_back_as_it_was_written(state: ApprovalState, hours: int) -> None:
    found = replace(approval.begin(NOW, hours), state=state, who="ann", why="x", at="2026-05-04")
    assert Approval.from_dict(asdict(found)) == found


@pytest.mark.parametrize("state", list(ApprovalState))
def test_only_what_was_approved_may_serve(state: ApprovalState) -> None:
    found = version(replace(approval.begin(NOW, 1), state=state, who="ann"))
    if state is ApprovalState.APPROVED:
        decisions.refuse_undecided(found)
    else:
        with pytest.raises(NotWaitingError, match="version 8 of iris"):
            decisions.refuse_undecided(found)
    decisions.refuse_undecided(version(None))


def test_who_is_refused_because_nobody_decided_is_told_what_to_type() -> None:
    with pytest.raises(NotWaitingError, match="relearn approve iris 8, or relearn reject iris 8 --why"):
        decisions.refuse_undecided(waiting())


@given(st.text(max_size=600) | st.none() | st.integers(), st.sampled_from(["approve", "reject"]))
def test_a_reason_is_needed_to_reject_and_never_too_long(why: object, decision: str) -> None:
    right = isinstance(why, str) and len(why) <= approval.MAX_WHY
    if right and (decision == "approve" or str(why).strip()):
        asked = approval.check_decision({"decision": decision, "why": why})
        assert asked == DecisionRequest(Decision(decision), str(why).strip())
    else:
        with pytest.raises(InvalidDecisionError, match="/why"):
            approval.check_decision({"decision": decision, "why": why})


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=3), lambda part: st.lists(part, max_size=2)))
def test_anything_else_than_a_decision_is_refused(decision: object) -> None:
    if decision in list(Decision):
        return
    with pytest.raises(InvalidDecisionError, match="/decision"):
        approval.check_decision({"decision": decision, "why": "x"})


def upload(upload_id: str, state: UploadState = UploadState.ACCEPTED) -> Upload:
    return Upload(
        upload_id=upload_id, model="iris", table="main", key="k", version_id="v", sequencer="1", size_bytes=1,
        state=state, reason="as it was", received_at="2026-05-04",
    )  # fmt: skip


@pytest.mark.parametrize("state", list(RunState))
def test_what_is_pending_says_that_a_decision_is_waited_for_as_long_as_it_is(state: RunState) -> None:
    run = Run(run_id="r", model="iris", state=state, uploads=("a",), version=8)
    reasons = [pending.explained(upload(name), run, NOW).reason for name in ("a", "b")]
    if state is RunState.AWAITING_APPROVAL:
        how = decisions.how_to("iris", 8)
        assert reasons == [
            f"trained on; someone has to decide about version 8: {how}",
            f"the next run starts when someone has decided about version 8: {how}",
        ]
    else:
        assert reasons == ["as it was"] * 2


@pytest.mark.parametrize("state", [state for state in UploadState if state is not UploadState.ACCEPTED])
def test_what_is_decided_about_an_upload_needs_no_other_reason(state: UploadState) -> None:
    run = Run(run_id="r", model="iris", state=RunState.AWAITING_APPROVAL, version=8)
    assert pending.explained(upload("a", state), run, NOW).reason == "as it was"
    assert pending.explained(upload("a"), None, NOW).reason == "as it was"


def refused(body: object) -> dict[str, str]:
    with pytest.raises(InvalidDecisionError) as caught:
        approval.check_decision(body)
    return {error.pointer: error.detail for error in caught.value.errors}


def test_a_decision_that_is_none_is_told_which_there_are() -> None:
    told = {"/decision": "got 'perhaps'; allowed: one of approve, reject"}
    assert refused({"decision": "perhaps", "why": "x"}) == told
    assert refused({"why": "x"}) == {"/decision": "got None; allowed: one of approve, reject"}


def test_a_decision_is_an_object_of_two_fields() -> None:
    assert refused([]) == {"": "got []; allowed: a JSON object"}
    told = {"/who": "unknown field; allowed: decision, why"}
    assert refused({"decision": "approve", "who": "ann"}) == told


@pytest.mark.parametrize("why", ["", "  ", None, 7])
def test_who_rejects_without_a_reason_is_told_how_long_one_may_be(why: object) -> None:
    assert refused({"decision": "reject", "why": why}) == {
        "/why": f"got {why!r}; allowed: a reason of 1 to 500 characters"
    }


def test_who_approves_may_say_nothing_but_not_too_much() -> None:
    assert approval.check_decision({"decision": "approve"}) == DecisionRequest(Decision.APPROVE, "")
    long = "x" * 501
    assert list(refused({"decision": "approve", "why": long})) == ["/why"]
    assert refused({"decision": "approve", "why": 7}) == {
        "/why": "got 7; allowed: a reason of 0 to 500 characters"
    }
    assert approval.check_decision({"decision": "reject", "why": "x" * 500}).why == "x" * 500
    assert approval.check_decision({"decision": "reject", "why": "x"}).why == "x"


def test_everything_wrong_with_a_decision_is_told_at_once() -> None:
    assert list(refused({"decision": "no", "who": "ann"})) == ["/who", "/decision", "/why"]


def test_a_reason_is_kept_without_the_space_around_it() -> None:
    assert approval.check_decision({"decision": "reject", "why": " no "}).why == "no"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Approval(hours=72, until="T"), "waits for a decision until T"),
        (
            Approval(state=ApprovalState.EXPIRED, hours=72, until="T"),
            "expired: nobody decided within 72 hours, until T",
        ),
        (Approval(state=ApprovalState.APPROVED, hours=72, until="T", who="ann"), "approved by ann"),
        (
            Approval(state=ApprovalState.REJECTED, hours=72, until="T", who="ann", why="no"),
            "rejected by ann: no",
        ),
    ],
)
def test_how_a_question_stands_fits_into_a_line(found: Approval, words: str) -> None:
    assert found.words == words


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (version(replace(approval.begin(NOW, 1), state=ApprovalState.APPROVED, who="ann", at="T")),
         "version 8 of iris was approved by ann, at T"),
        (version(replace(approval.begin(NOW, 1), state=ApprovalState.EXPIRED, at="T")),
         "version 8 of iris expired: nobody decided within 1 hours, until 2026-05-04T11:00:00.000+00:00"),
        (replace(version(None, VersionState.LIVE), reason=""),
         "version 8 of iris does not wait for a decision: it is LIVE"),
    ],
)  # fmt: skip
def test_a_version_that_waits_for_nobody_says_how_it_stands(found: Version, said: str) -> None:
    assert decisions.standing(found) == said


def test_a_version_that_was_rejected_is_refused_without_advice() -> None:
    rejected = version(replace(approval.begin(NOW, 1), state=ApprovalState.REJECTED, who="ann"))
    with pytest.raises(NotWaitingError, match=r"^version 8 of iris rejected by ann$"):
        decisions.refuse_undecided(rejected)


def test_a_question_that_nobody_asked_reads_as_none() -> None:
    assert Approval.from_dict(None) is None
