"""The small rooms of the laptop cloud, without a cloud."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import deploy, environment
from local.images import DOCKER, Images
from local.sagemaker import channels, checkpoints, invocation, pulling
from local.sagemaker.errors import ApiError
from local.sagemaker.state import State, page
from local.settings import Settings
from tests.local import toy

RECORDS = st.lists(
    st.fixed_dictionaries(
        {"Name": st.text(max_size=5), "State": st.sampled_from("AB"), "CreationTime": st.floats(0, 9)}
    ),
    max_size=20,
)


@given(RECORDS, st.integers(1, 7))
def test_pages_together_are_the_whole_list_in_order(records: list[dict[str, Any]], size: int) -> None:
    found: list[dict[str, Any]] = []
    more: dict[str, Any] = {"NextToken": "0"}
    while more:
        items, more = page(records, {"MaxResults": size, **more}, name="Name", status="State")
        assert len(items) <= size
        found += items
    assert sorted(map(repr, found)) == sorted(map(repr, records))
    times = [item["CreationTime"] for item in found]
    assert times == sorted(times, reverse=True)


@given(RECORDS, st.text(max_size=2), st.sampled_from("AB"))
def test_a_filtered_list_holds_what_fits_and_only_that(
    records: list[dict[str, Any]], part: str, state: str
) -> None:
    request = {"NameContains": part, "StatusEquals": state, "MaxResults": 100}
    items, _ = page(records, request, name="Name", status="State")
    wanted = [item for item in records if part.lower() in item["Name"].lower() and item["State"] == state]
    assert sorted(map(repr, items)) == sorted(map(repr, wanted))


def test_names_are_unique_without_case_and_keep_it(tmp_path: Path) -> None:
    state = State(tmp_path / "state.json")
    assert state.add("jobs", "Iris", {"Name": "Iris"})
    assert not state.add("jobs", "iris", {"Name": "iris"})
    assert State(tmp_path / "state.json").get("jobs", "IRIS") == {"Name": "Iris"}


def test_a_record_that_was_read_can_be_changed_without_changing_the_state() -> None:
    state = State()
    state.add("jobs", "a", {"deep": [1]})
    read = state.get("jobs", "a")
    assert read is not None
    read["deep"].append(2)
    assert state.get("jobs", "a") == {"deep": [1]}


def test_a_token_that_was_never_given_is_refused() -> None:
    with pytest.raises(ApiError, match="Invalid NextToken"):
        page([], {"NextToken": "elsewhere"}, name="Name")


def test_running_an_image_leaves_the_assembly_as_it_was(tmp_path: Path) -> None:
    assembly = toy.write(tmp_path)
    images = Images(Settings(assembly=assembly, scratch=tmp_path / "scratch"))
    pulled = images.pull(f"123456789012.dkr.ecr.us-east-1.amazonaws.com/repository:{toy.image_tag(assembly)}")
    assert pulled is not None
    assert (pulled / "training/__main__.py").exists()
    assert assembly not in pulled.parents
    assert images.pull("123456789012.dkr.ecr.us-east-1.amazonaws.com/repository:other") is None


def test_an_image_by_digest_is_the_folder_that_was_pushed(tmp_path: Path) -> None:
    assembly = toy.write(tmp_path)
    configuration = json.dumps({"os": "linux", "architecture": "amd64"}).encode()
    own = f"sha256:{hashlib.sha256(configuration).hexdigest()}"
    manifest = json.dumps({"mediaType": DOCKER, "config": {"digest": own}}).encode()
    digits = hashlib.sha256(manifest).hexdigest()
    pushed = tmp_path / "images" / digits
    (pushed / "training").mkdir(parents=True)
    pushed.with_suffix(".json").write_bytes(manifest)
    pushed.with_name(f"{own.partition(':')[2]}.json").write_bytes(configuration)
    images = Images(Settings(assembly=assembly, scratch=tmp_path / "scratch", images=tmp_path / "images"))
    registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repository"
    found = images.pull(f"{registry}@sha256:{digits}")
    assert found is not None
    assert (found / "training").is_dir()
    assert images.media_type(f"{registry}@sha256:{digits}") == DOCKER
    assert images.platform(f"{registry}@sha256:{digits}") == "linux/amd64"
    assert images.configuration(own) == configuration
    assert images.pull(f"{registry}@sha256:{'0' * 64}") is None


@pytest.mark.parametrize("copied", [True, False])
def test_a_pushed_image_exists_only_where_the_accounts_registry_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, copied: bool
) -> None:
    digits = "5a" * 32
    (tmp_path / "images" / digits).mkdir(parents=True)
    settings = Settings(assembly=tmp_path, scratch=tmp_path / "scratch", images=tmp_path / "images")
    registry = SimpleNamespace(batch_get_image=lambda **_: {"images": [digits] if copied else []})
    monkeypatch.setattr("local.sagemaker.pulling.principals.role_allows", lambda *_: True)
    monkeypatch.setattr("local.sagemaker.pulling.sessions.connect", lambda _: registry)
    context: Any = SimpleNamespace(images=Images(settings))
    uri = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/repository@sha256:{digits}"
    if copied:
        assert pulling.pull(context, uri, "role").is_dir()
        return
    with pytest.raises(pulling.ImageError, match="does not exist in the registry"):
        pulling.pull(context, uri, "role")


def test_an_image_whose_copying_was_cut_off_is_copied_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assembly = toy.write(tmp_path)
    uri = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/repository:{toy.image_tag(assembly)}"
    settings = Settings(assembly=assembly, scratch=tmp_path / "scratch")

    def cut_off(_source: Path, copy: Path) -> None:
        copy.mkdir(parents=True)
        (copy / "half").write_text("")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", cut_off)
        with pytest.raises(KeyboardInterrupt):
            Images(settings).pull(uri)
    pulled = Images(settings).pull(uri)
    assert pulled is not None
    assert (pulled / "training/__main__.py").exists()
    assert not (pulled / "half").exists()


def test_a_mark_of_a_folder_among_checkpoints_is_no_file(tmp_path: Path) -> None:
    keys = ["runs/1/", "runs/1/epoch/", "runs/1/epoch/weights"]

    class Bucket:
        def get_paginator(self, _name: str) -> Bucket:
            return self

        def paginate(self, **_: str) -> list[dict[str, Any]]:
            return [{"Contents": [{"Key": key} for key in keys]}]

        def download_file(self, _bucket: str, key: str, target: str) -> None:
            Path(target).write_text(key)

    job = {"CheckpointConfig": {"S3Uri": "s3://bucket/runs/1/"}}
    fetched = checkpoints.fetch(Bucket(), job, tmp_path)
    assert [path.relative_to(tmp_path) for path in fetched] == [Path("checkpoints/epoch/weights")]


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("s3://bucket/a/b.csv", ("bucket", "a/b.csv")),
        ("s3://bucket", ("bucket", "")),
        ("https://s3.us-east-1.amazonaws.com/bucket/a/b", ("bucket", "a/b")),
    ],
)
def test_both_forms_of_an_s3_uri_are_read(uri: str, place: tuple[str, str]) -> None:
    assert channels.split(uri) == place


def test_what_is_no_s3_uri_is_named() -> None:
    with pytest.raises(channels.ChannelError, match="file:///x is not an S3 URI"):
        channels.split("file:///x")


def test_the_cloud_keeps_nothing_of_the_developers_aws_or_python_settings() -> None:
    shell = {"PATH": "/bin", "AWS_PROFILE": "work", "PYTHONDONTWRITEBYTECODE": "1", "GITHUB_TOKEN": "secret"}
    assert environment.base(shell) == {"PATH": "/bin"}


def test_a_missing_cdk_command_says_how_to_install_it(tmp_path: Path) -> None:
    settings = Settings(assembly=tmp_path, scratch=tmp_path, repository=tmp_path)
    with pytest.raises(deploy.DeployError, match="run npm ci in"):
        deploy.Cdk(settings, "http://127.0.0.1:1", print).bootstrap()


def test_a_container_has_a_minute_to_answer_a_request() -> None:
    class Late:
        """A host whose container does not answer; it stands for its connection too."""

        seconds = 0.0

        def connect(self, seconds: float) -> Late:
            self.seconds = seconds
            return self

        def request(self, *_: object) -> None:
            raise TimeoutError

        def close(self) -> None:
            pass

    late = Late()
    host: Any = late
    with pytest.raises(ApiError, match="timed out while waiting for a response") as refused:
        invocation._pass(host, {}, b"{}")
    assert (late.seconds, refused.value.code) == (60.0, "ModelError")
