"""What `make run` prints of where its cloud answers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from local.__main__ import addresses
from local.settings import Settings

if TYPE_CHECKING:
    from local.cloud import Cloud


@pytest.fixture
def printed(tmp_path: Path) -> list[str]:
    settings = Settings(assembly=tmp_path, scratch=tmp_path, access_key="id", secret_key="secret")
    outputs = {
        "ApiUrl": "https://abc.execute-api.us-east-1.amazonaws.com/",
        "DeadLetters": '{"ingest":{"dead":"http://localhost:1/dead"}}',
        "UploadsBucket": "uploads-1",
    }
    cloud = SimpleNamespace(
        settings=settings,
        outputs=outputs,
        api_url="http://127.0.0.1:4567",
        endpoint_url="http://127.0.0.1:4566",
    )
    return addresses(cast("Cloud", cloud), tmp_path / "local.json")


def test_the_address_of_the_api_is_the_one_that_answers_on_this_machine(printed: list[str]) -> None:
    text = "\n".join(printed)
    assert "API   http://127.0.0.1:4567" in text
    assert "amazonaws.com" not in text


def test_what_a_person_can_use_of_the_outputs_is_shown_and_what_programs_read_is_not(
    printed: list[str],
) -> None:
    assert [line.split() for line in printed if "UploadsBucket" in line] == [["UploadsBucket", "uploads-1"]]
    assert not any("DeadLetters" in line for line in printed)


def test_a_shell_that_takes_the_exports_reaches_both_the_account_and_the_api(printed: list[str]) -> None:
    exports = dict(line.split()[1].split("=", 1) for line in printed if line.strip().startswith("export "))
    assert exports == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "API_URL": "http://127.0.0.1:4567",
    }
