"""Operators and runs that write one route at the same time: of each revision exactly one write wins."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdas.aws.dynamo.ledger import Ledger
from relearn.errors import ConflictError, FrozenRouteError
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.traffic import route, route_changes
from relearn.traffic.route import Change, Route
from relearn.traffic.route_changes import Action, RouteChangeRequest
from tests.support.dynamo import ledger_table

MODEL = "flowers"
STEPS = st.lists(st.integers(0, 3), max_size=24)
"""Which writer goes on, step by step: it reads, then it writes, then it reads ..."""
MOVES = st.sampled_from([*Action, "run"])


class Writer:
    """Changes the route again and again, in two steps: reads, decides and writes."""

    def __init__(self, ledger: Ledger, name: str, move: str) -> None:
        self.ledger, self.name, self.move = ledger, name, move
        self.seen: Route | None = None
        self.won: list[int] = []
        self.beaten: list[str] = []

    def step(self) -> None:
        if self.seen is None:
            self.seen = self.ledger.route(MODEL)
            return
        seen, self.seen = self.seen, None
        try:
            new, steps = self._decide(seen)
        except (ConflictError, FrozenRouteError):
            return  # there is nothing to do on what it saw
        if new is seen:
            return
        try:
            self.ledger.write_route(MODEL, seen, new, steps, Change(self.move, self.name, "to see"))
        except ConflictError as error:
            self.beaten.append(str(error))
        else:
            self.won.append(new.revision)

    def _decide(self, seen: Route) -> tuple[Route, Any]:
        if self.move == "run":
            return route.watch(seen, 9, seen.champion, weight=10), {}
        action = Action(self.move)
        asked = RouteChangeRequest(action=action, version=1 if action is Action.PROMOTE else 0, why="to see")
        number = route_changes.target(asked, seen)
        version = self.ledger.version(MODEL, number) if number else None
        return route_changes.moved(asked, seen), route_changes.steps(seen, version)


def stage() -> Ledger:
    ledger = Ledger(ledger_table(), lambda: datetime(2026, 5, 4, tzinfo=UTC))
    for number in (1, 2):
        run = ledger.create_run(Run(run_id=f"r{number}", model=MODEL, state=RunState.JUDGING))
        ledger.register(run, Version(model=MODEL, version=number))
        old = ledger.route(MODEL)
        new = route.promote(old, number, old.champion)
        steps = {number: (VersionState.REGISTERED, VersionState.LIVE)}
        if old.champion:
            steps[old.champion] = (VersionState.LIVE, VersionState.PREVIOUS)
        ledger.write_route(MODEL, old, new, steps, Change("promoted", f"r{number}", "it won"))
    return ledger


@given(st.lists(MOVES, min_size=4, max_size=4), STEPS)
def test_every_revision_has_exactly_one_writer_and_the_others_hear_which_was_first(
    moves: list[str], order: list[int]
) -> None:
    ledger = stage()
    writers = [Writer(ledger, f"writer {index}", move) for index, move in enumerate(moves)]
    for index in order:
        writers[index].step()
    won = sorted(revision for writer in writers for revision in writer.won)
    assert won == list(range(3, 3 + len(won)))
    history = ledger.route_history(MODEL, newest=100)
    assert [one.route.revision for one in history] == list(range(len(won) + 2, 0, -1))
    assert history[0].route == ledger.route(MODEL)
    for writer in writers:
        assert all("first came revision" in told for told in writer.beaten)
        assert all(f"by {writer.name}" not in told for told in writer.beaten)


@given(st.lists(MOVES, min_size=4, max_size=4), STEPS)
def test_whatever_happens_one_version_is_live_and_it_is_the_one_that_the_route_names(
    moves: list[str], order: list[int]
) -> None:
    ledger = stage()
    writers = [Writer(ledger, f"writer {index}", move) for index, move in enumerate(moves)]
    for index in order:
        writers[index].step()
    live = [one.version for one in ledger.versions(MODEL) if one.state is VersionState.LIVE]
    assert live == [ledger.route(MODEL).champion]


@given(STEPS)
def test_however_many_roll_back_the_bad_version_does_not_come_back(order: list[int]) -> None:
    ledger = stage()
    writers = [Writer(ledger, f"writer {index}", "rollback") for index in range(4)]
    for index in order:
        writers[index].step()
    won = sum(len(writer.won) for writer in writers)
    assert won == (any(order.count(index) > 1 for index in range(4)))
    assert ledger.route(MODEL).champion == (1 if won else 2)
