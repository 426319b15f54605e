"""What the inner loop waits for: the tests of the domain load nothing that starts slowly and that they do not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.house.measures import ROOT

CONFTEST = "import tests.conftest"
COLLECTION = """
import pytest
assert pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "tests/unit/relearn"]) == 0
"""
LOADED = "\nimport sys\nprint('loaded:', *{name.partition('.')[0] for name in sys.modules})"


@pytest.mark.parametrize("program", [CONFTEST, COLLECTION], ids=["the conftest", "the tests of the domain"])
def test_neither_the_sdk_of_aws_nor_the_cdk_is_loaded(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program + LOADED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    *_, last = done.stdout.splitlines()
    loaded = set(last.split())
    assert {"loaded:", "pytest"} <= loaded
    assert not loaded & {"boto3", "botocore", "moto", "aws_cdk", "jsii"}
