"""A version of an object that has vanished is told from a failure of S3, whatever the role may list."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import create_autospec

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.aws.s3.storage import Storage
from relearn.errors import NotFoundError


def storage(code: str) -> Storage:
    """Return a storage whose S3 answers with an error."""
    client = create_autospec(boto3.client("s3", region_name="us-east-1"), instance=True)
    client.get_object.side_effect = ClientError({"Error": {"Code": code}}, "GetObject")
    return Storage(client)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("NoSuchVersion", "version 7 of data.csv no longer exists"),
        ("NoSuchKey", "version 7 of data.csv no longer exists"),
        # without s3:ListBucket S3 answers 403 where an object is missing
        ("AccessDenied", "version 7 of data.csv no longer exists, or may not be read"),
    ],
)
def test_a_version_that_is_gone_is_not_found(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        storage(code).download("uploads", "data.csv", "7", tmp_path / "data.csv")
    assert str(caught.value) == said


def test_a_failure_of_s3_stays_one(tmp_path: Path) -> None:
    with pytest.raises(ClientError):
        storage("SlowDown").download("uploads", "data.csv", "7", tmp_path / "data.csv")
