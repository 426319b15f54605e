"""What becomes of uploads and versions at the end of a run, and of what nobody answers for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import call, create_autospec

import pytest

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.sagemaker.endpoints import Endpoints
from lambdas.maintenance.missing_endpoints import MissingEndpoints
from lambdas.maintenance.orphaned_endpoints import OrphanedEndpoints
from lambdas.rollout.route_changes import RouteChanges
from lambdas.runs import upload_outcomes, withdrawal
from lambdas.runs.retirement import ITEMS_SECONDS, Retirement
from relearn.errors import ConflictError
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.traffic.route import Change, Route
from relearn.traffic.route_changes import Restore, RestoreState

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
RUN = Run(run_id="r", model="iris", state=RunState.TRAINING, uploads=("a", "b"), snapshot=("old", "a", "b"))
CHANGE = Change(what="withdrawn", who="ann", why="slow")


@pytest.fixture
def ledger() -> Any:
    return create_autospec(Ledger, instance=True)


@pytest.fixture
def endpoints() -> Any:
    return create_autospec(Endpoints, instance=True)


def upload(
    upload_id: str,
    state: UploadState = UploadState.ACCEPTED,
    key: str = "",
    sequencer: str = "5",
    table: str = "main",
) -> Upload:
    return Upload(
        upload_id=upload_id, model="iris", table=table, key=key or upload_id, version_id="v", sequencer=sequencer,
        size_bytes=1, state=state, received_at="2026-05-04",
    )  # fmt: skip


def version(number: int, state: VersionState = VersionState.LIVE, **more: Any) -> Version:
    return Version(model="iris", version=number, state=state, **more)


# uploads


def test_what_was_new_in_a_run_that_is_kept_is_trained_and_nothing_else(ledger: Any) -> None:
    new, later = upload("a"), upload("later")
    ledger.uploads.return_value = [upload("old", UploadState.TRAINED), new, later]
    upload_outcomes.keep(ledger, RUN)
    ledger.uploads.assert_called_once_with("iris", UploadState.ACCEPTED, UploadState.TRAINED)
    assert ledger.move_upload.mock_calls == [call(new, UploadState.TRAINED, run_id="r")]


def test_the_version_of_an_object_that_the_run_replaced_is_superseded(ledger: Any) -> None:
    before, after = (
        upload("before", UploadState.TRAINED, "k", "4"),
        upload("later", UploadState.ACCEPTED, "k", "6"),
    )
    ledger.uploads.return_value = [before, upload("a", UploadState.TRAINED, "k", "5"), after]
    upload_outcomes.keep(ledger, RUN)
    assert ledger.move_upload.mock_calls == [call(before, UploadState.SUPERSEDED, "by a")]


@pytest.mark.parametrize(("tables", "moved"), [(None, ["a", "b"]), (["events"], ["b"]), ([], [])])
def test_of_a_run_given_up_the_new_uploads_of_the_tables_to_blame_fail(
    ledger: Any, tables: list[str] | None, moved: list[str]
) -> None:
    found = {one.upload_id: one for one in (upload("a"), upload("b", table="events"), upload("later"))}
    ledger.uploads.return_value = list(found.values())
    upload_outcomes.give_up(ledger, RUN, "no label", tables)
    ledger.uploads.assert_called_once_with("iris", UploadState.ACCEPTED)
    expected = [call(found[name], UploadState.FAILED, "no label", run_id="r") for name in moved]
    assert ledger.move_upload.mock_calls == expected


@pytest.mark.parametrize("frozen", [False, True])
def test_a_run_that_failed_counts_as_a_try_unless_a_person_froze_the_route(
    ledger: Any, *, frozen: bool
) -> None:
    new = upload("a")
    ledger.route.return_value = Route(frozen=frozen)
    ledger.uploads.return_value = [new, upload("later")]
    upload_outcomes.count_failed(ledger, RUN, "no capacity")
    ledger.route.assert_called_once_with("iris")
    expected = [] if frozen else [call(new, "r", "no capacity")]
    assert ledger.count_failed_run.mock_calls == expected


# versions beside the champion


def test_a_version_that_gets_requests_gets_none_any_more(ledger: Any) -> None:
    route = Route(champion=1, candidate=2, weight=10, revision=3)
    steps = {2: (VersionState.REGISTERED, VersionState.FAILED)}
    ledger.route.return_value = route
    new = withdrawal.withdraw(ledger, "iris", 2, CHANGE, steps)
    assert (new.champion, new.candidate, new.weight) == (1, 0, 0)
    assert ledger.route.mock_calls == [call("iris")]
    assert ledger.write_route.mock_calls == [call("iris", route, new, steps, CHANGE)]


def test_a_version_that_gets_nothing_is_let_alone(ledger: Any) -> None:
    route = ledger.route.return_value = Route(champion=1)
    assert withdrawal.withdraw(ledger, "iris", 2, CHANGE) is route
    ledger.write_route.assert_not_called()


@pytest.mark.parametrize("changed", [{"weight": 11}, {"frozen": True}])
def test_a_write_that_came_first_is_no_hindrance(ledger: Any, changed: dict[str, Any]) -> None:
    seen = Route(champion=1, candidate=2, weight=10, revision=3)
    newer = replace(seen, revision=4, **changed)
    ledger.route.side_effect = [seen, newer, newer]
    ledger.write_route.side_effect = [ConflictError("changed"), None]
    new = withdrawal.withdraw(ledger, "iris", 2, CHANGE)
    assert (new.candidate, new.weight, new.frozen) == (0, 0, newer.frozen)
    assert ledger.write_route.mock_calls[-1] == call("iris", newer, new, {}, CHANGE)


def test_who_writes_the_route_first_is_looked_at_again_four_times(ledger: Any) -> None:
    ledger.route.side_effect = [Route(champion=1, candidate=2, weight=10, revision=at) for at in range(20)]
    ledger.write_route.side_effect = ConflictError("changed")
    with pytest.raises(ConflictError):
        withdrawal.withdraw(ledger, "iris", 2, CHANGE)
    assert ledger.write_route.call_count == withdrawal.TRIES


def test_a_conflict_that_no_other_writer_explains_is_raised_at_once(ledger: Any) -> None:
    ledger.route.return_value = Route(champion=1, candidate=2, weight=10, revision=3)
    ledger.write_route.side_effect = ConflictError("the version is FAILED")
    with pytest.raises(ConflictError, match="the version is FAILED"):
        withdrawal.withdraw(ledger, "iris", 2, CHANGE)
    assert ledger.write_route.call_count == 1
    assert ledger.route.mock_calls == [call("iris"), call("iris")]


# retirement


@pytest.fixture
def online() -> Any:
    found = create_autospec(_Online, instance=True)
    found.remove.return_value = True
    return found


class _Online:
    def remove(self, model: str, version: int, left: Any) -> bool:
        raise NotImplementedError


@pytest.fixture
def retirement(ledger: Any, endpoints: Any, online: Any) -> Retirement:
    ledger.restore.return_value = None
    return Retirement(ledger=ledger, endpoints=endpoints, online=online, clock=iter(range(100, 200)).__next__)


def test_a_version_that_failed_loses_its_endpoint_and_stays_failed(
    retirement: Retirement, ledger: Any, endpoints: Any, online: Any
) -> None:
    failed = version(3, VersionState.FAILED, endpoint="e3", online={"rows": 5})
    ledger.versions.return_value = [version(1, endpoint="e1"), failed]
    ledger.route.return_value = Route(champion=1)
    assert retirement.retire("iris") == [3]
    assert endpoints.remove_version.mock_calls == [call(failed)]
    ((model, number, left), _) = online.remove.call_args
    assert (model, number, left()) == ("iris", 3, ITEMS_SECONDS - 1)
    changed = call(failed, endpoint="", online={}, state=VersionState.FAILED)
    assert ledger.change_version.mock_calls == [changed]
    assert (ledger.versions.mock_calls, ledger.route.mock_calls) == ([call("iris")], [call("iris")])


def test_a_version_before_the_previous_one_is_retired(retirement: Retirement, ledger: Any) -> None:
    oldest = version(1, VersionState.PREVIOUS, endpoint="e1")
    ledger.versions.return_value = [oldest, version(2, endpoint="e2"), version(3, endpoint="e3")]
    ledger.route.return_value = Route(champion=3, previous=2)
    assert retirement.retire("iris") == [1]
    changed = call(oldest, endpoint="", online={}, state=VersionState.RETIRED)
    assert ledger.change_version.mock_calls == [changed]


def test_a_version_that_the_route_names_keeps_what_it_has(
    retirement: Retirement, ledger: Any, endpoints: Any
) -> None:
    ledger.versions.return_value = [version(1, VersionState.FAILED, endpoint="e1")]
    ledger.route.return_value = Route(champion=1)
    assert retirement.retire("iris") == []
    endpoints.remove_version.assert_not_called()


@pytest.mark.parametrize(("state", "gone"), [(RestoreState.RESTORING, []), (RestoreState.FAILED, [3])])
def test_a_version_that_is_deployed_again_keeps_its_endpoint(
    retirement: Retirement, ledger: Any, state: RestoreState, gone: list[int]
) -> None:
    ledger.versions.return_value = [version(3, VersionState.FAILED, endpoint="e3")]
    ledger.route.return_value = Route(champion=1)
    ledger.restore.return_value = Restore(version=3, state=state)
    assert retirement.retire("iris") == gone
    ledger.restore.assert_called_once_with("iris")


def test_features_that_are_not_all_deleted_yet_are_deleted_by_the_next_call(
    retirement: Retirement, ledger: Any, online: Any, endpoints: Any
) -> None:
    ledger.versions.return_value = [version(3, VersionState.FAILED, online={"rows": 5})]
    ledger.route.return_value = Route(champion=1)
    online.remove.return_value = False
    said = r"^the features of version 3 of iris are not all deleted yet$"
    with pytest.raises(ConflictError, match=said):
        retirement.retire("iris")
    ledger.change_version.assert_not_called()
    endpoints.remove_version.assert_not_called()


def test_where_nothing_is_left_the_route_is_not_even_read(retirement: Retirement, ledger: Any) -> None:
    ledger.versions.return_value = [version(1, VersionState.RETIRED)]
    assert retirement.retire("iris") == []
    ledger.route.assert_not_called()


# what nobody answers for


def orphans(ledger: Any, endpoints: Any, age: timedelta = timedelta(hours=1), **tags: Any) -> list[str]:
    endpoints.all.return_value = [SimpleNamespace(name="found", arn="arn", made_at=NOW - age)]
    endpoints.tags.return_value = {f"relearn:{name}": value for name, value in tags.items()}
    return OrphanedEndpoints(ledger=ledger, endpoints=endpoints, stage="dev", clock=lambda: NOW).remove()


def test_what_belongs_to_a_version_that_nobody_knows_is_removed(ledger: Any, endpoints: Any) -> None:
    ledger.version.return_value = None
    assert orphans(ledger, endpoints, stage="dev", model="iris", version="7") == ["found"]
    assert (endpoints.tags.mock_calls, endpoints.remove.mock_calls) == ([call("arn")], [call("found")])
    assert ledger.version.mock_calls == [call("iris", 7)]


@pytest.mark.parametrize(("name", "gone"), [("found", []), ("another", ["found"])])
def test_only_the_name_that_a_record_has_is_kept(
    ledger: Any, endpoints: Any, name: str, gone: list[str]
) -> None:
    ledger.version.return_value = version(7, endpoint=name)
    assert orphans(ledger, endpoints, stage="dev", model="iris", version="7") == gone


@pytest.mark.parametrize(("name", "gone"), [("relearn-dev-iris-v7", []), ("relearn-dev-iris-v8", ["found"])])
def test_what_a_version_in_lambda_scores_batches_with_has_the_name_of_its_endpoint(
    ledger: Any, endpoints: Any, name: str, gone: list[str]
) -> None:
    ledger.version.return_value = version(7, endpoint="relearn-dev-host-iris")
    endpoints.all.return_value = [SimpleNamespace(name=name, arn="arn", made_at=NOW - timedelta(hours=1))]
    endpoints.tags.return_value = {"relearn:stage": "dev", "relearn:model": "iris", "relearn:version": "7"}
    removed = OrphanedEndpoints(ledger=ledger, endpoints=endpoints, stage="dev", clock=lambda: NOW).remove()
    assert removed == [name] * len(gone)


def test_what_names_no_model_belongs_to_no_version(ledger: Any, endpoints: Any) -> None:
    ledger.version.return_value = None
    assert orphans(ledger, endpoints, stage="dev", version="7") == ["found"]
    assert ledger.version.mock_calls == [call("", 7)]


@pytest.mark.parametrize(
    "tags", [{}, {"stage": "prod", "version": "7"}, {"stage": "dev"}, {"stage": "dev", "version": "x"}]
)
def test_what_somebody_else_made_is_never_removed(ledger: Any, endpoints: Any, tags: dict[str, Any]) -> None:
    ledger.version.return_value = None
    assert orphans(ledger, endpoints, **tags) == []
    endpoints.remove.assert_not_called()


@pytest.mark.parametrize(("seconds", "gone"), [(120, []), (121, ["found"])])
def test_what_may_be_in_the_making_is_let_alone(
    ledger: Any, endpoints: Any, seconds: int, gone: list[str]
) -> None:
    ledger.version.return_value = None
    age = timedelta(seconds=seconds)
    assert orphans(ledger, endpoints, age=age, stage="dev", model="iris", version="7") == gone


def test_what_can_not_be_removed_yet_follows_with_the_next_call(
    ledger: Any, endpoints: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.version.return_value = None
    endpoints.remove.side_effect = ConflictError("it is in the making")
    assert orphans(ledger, endpoints, stage="dev", model="iris", version="7") == ["found"]
    assert [record.getMessage() for record in caplog.records] == [
        "found belongs to no version: it is removed",
        "it is in the making",
    ]


# what serves and is gone


@pytest.fixture
def route_changes() -> Any:
    return create_autospec(RouteChanges, instance=True)


def repaired(ledger: Any, endpoints: Any, route_changes: Any, *statuses: str | None) -> list[int]:
    endpoints.status.side_effect = [
        None if status is None else SimpleNamespace(status=status) for status in statuses
    ]
    MissingEndpoints(ledger=ledger, endpoints=endpoints, route_changes=route_changes, stage="dev").repair(
        "iris"
    )
    return [one.args[0].version for one in route_changes.bring_back.mock_calls]


def serving(ledger: Any, route: Route, **endpoints_of: str) -> None:
    ledger.route.return_value = route
    ledger.version.side_effect = lambda model, number: Version(
        model=model, version=number, endpoint=endpoints_of.get(f"v{number}", f"relearn-dev-{model}-v{number}")
    )


def test_a_champion_whose_endpoint_is_gone_is_brought_back(
    ledger: Any, endpoints: Any, route_changes: Any, caplog: pytest.LogCaptureFixture
) -> None:
    serving(ledger, Route(champion=2, previous=1))
    assert repaired(ledger, endpoints, route_changes, None) == [2]
    endpoints.remove.assert_not_called()
    ((record,), text) = (caplog.records, caplog.text)
    assert (record.levelname, record.__dict__["model"]) == ("WARNING", "iris")
    assert "endpoint relearn-dev-iris-v2 is gone" in text


def test_an_endpoint_that_failed_is_removed_and_brought_back(
    ledger: Any, endpoints: Any, route_changes: Any
) -> None:
    serving(ledger, Route(champion=2, previous=1))
    assert repaired(ledger, endpoints, route_changes, "InService", "Failed") == [1]
    assert endpoints.remove.mock_calls == [call("relearn-dev-iris-v1")]
    assert endpoints.status.mock_calls == [call("relearn-dev-iris-v2"), call("relearn-dev-iris-v1")]
    assert ledger.route.mock_calls == [call("iris")]


def test_an_endpoint_that_is_there_is_let_alone(ledger: Any, endpoints: Any, route_changes: Any) -> None:
    serving(ledger, Route(champion=2, previous=1))
    assert repaired(ledger, endpoints, route_changes, "Updating", "InService") == []
    endpoints.remove.assert_not_called()


def test_a_version_that_is_hosted_elsewhere_has_no_endpoint_to_be_gone(
    ledger: Any, endpoints: Any, route_changes: Any
) -> None:
    serving(ledger, Route(champion=2), v2="relearn-dev-host-iris")
    assert repaired(ledger, endpoints, route_changes) == []
    assert ledger.version.mock_calls == [call("iris", 2)]


def test_a_route_that_names_no_version_needs_none(ledger: Any, endpoints: Any, route_changes: Any) -> None:
    serving(ledger, Route())
    assert repaired(ledger, endpoints, route_changes) == []
    ledger.version.assert_not_called()
