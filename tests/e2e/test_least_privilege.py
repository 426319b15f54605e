"""No role may do more than its work: without any one grant of the templates, the flow fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

import pytest

from relearn.spec.hosting import InLambda
from tests.e2e.client import Stage
from tests.e2e.clouds import app_of, cloud_of
from tests.e2e.privilege import policies, run
from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.grants import Grant, of_roles
from tests.e2e.privilege.parts import PARTS, containers, hosts
from tests.e2e.privilege.trial import Outcome, outcomes
from tests.e2e.privilege.uncatchable import UNCATCHABLE
from training import catalog

pytestmark = [pytest.mark.e2e, pytest.mark.local, pytest.mark.long]

ALL_HOSTED = {
    name: {"hosting": replace(spec.hosting, keeps_host=True)}
    for name, spec in catalog.load().items()
    if not isinstance(spec.hosting, InLambda)
}
"""Scenes ask the host of whichever model they are about."""


@dataclass
class Tally:
    """What came of every grant, part by part; each part is tried once."""

    bench: Bench
    moments: run.Moments
    all: list[Grant]
    _parts: dict[str, list[Outcome]] = field(default_factory=dict)

    def of(self, part: str) -> list[Outcome]:
        if part not in self._parts:
            self._parts[part] = outcomes(PARTS[part](self.bench, self.moments))
        return self._parts[part]

    def everything(self) -> list[Outcome]:
        return [outcome for part in PARTS for outcome in self.of(part)]


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tally]:
    """A stage of its own, in which one run was played with everything granted."""
    if request.config.getoption("--target") != "local":
        pytest.skip("deletes permissions: on the laptop cloud only")
    app = app_of("privilege", __file__, (), specs=ALL_HOSTED)
    with cloud_of(tmp_path_factory.mktemp("privilege"), app) as stage:
        for model in catalog.load():
            stage.wait_until_served(model)
        bench = Bench(stage)
        bench.stop_everything()
        yield Tally(bench, run.play(bench), _everything_granted(stage))


def _everything_granted(stage: Stage) -> list[Grant]:
    ours = f"relearn-{stage.name}-"
    doors = (
        policies.of_functions,
        policies.of_queues,
        policies.of_topics,
        policies.of_buckets,
        policies.of_trusts,
    )
    found = sorted((grant for door in doors for grant in door(stage)), key=lambda grant: grant.name)
    granted = [*of_roles(stage.client("iam"), ours), *(grant for grant in found if ours in grant.name)]
    return [one for one in granted if not (hosts.is_of_another(one) or containers.is_of_another(one))]


@pytest.mark.parametrize("part", PARTS)
def test_without_any_one_of_its_grants_the_flow_fails(tally: Tally, part: str) -> None:
    survivors = [o.grant.name for o in tally.of(part) if not o.caught and not o.excused]
    assert not survivors, f"the flow does not need: {'; '.join(survivors)}"


def test_every_grant_of_the_templates_is_caught_or_excused(tally: Tally, tell: Callable[[str], None]) -> None:
    found = tally.everything()
    assert sorted(o.grant.name for o in found) == sorted(grant.name for grant in tally.all)
    unused = set(UNCATCHABLE.values()) - {o.excused for o in found}
    assert not unused, f"uncatchable.py excuses grants that are not there: {unused}"
    assert _everything_granted(tally.bench.stage) == tally.all, "a deleted grant was not restored"
    tell(_report(found))


def _report(found: list[Outcome]) -> str:
    caught = sum(bool(outcome.caught) for outcome in found)
    lines = [f"least privilege: caught {caught}/{len(found)}"]
    excused = sorted((o for o in found if o.excused), key=lambda o: (o.excused, o.grant.name))
    for why, group in groupby(excused, key=lambda o: o.excused):
        names = [outcome.grant.name for outcome in group]
        lines += [f"  not caught ({len(names)}): {why}", *(f"    {name}" for name in names)]
    return "\n".join(lines)
