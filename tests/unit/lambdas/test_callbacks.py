"""A step that waits is told to go on; that it cannot be told stops nothing, and its token stays a secret."""

from __future__ import annotations

import logging

import boto3
import pytest
from botocore.config import Config

from lambdas.aws.callbacks import Callbacks

TOKEN = "secret-token"


def test_a_service_that_can_not_be_reached_is_logged_without_the_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = boto3.client(
        "stepfunctions",
        region_name="eu-central-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(connect_timeout=1, retries={"total_max_attempts": 1}),
    )
    caplog.set_level(logging.INFO)
    Callbacks(client).wake(TOKEN)
    assert "could not be told: EndpointConnectionError; the sweep tells it again" in caplog.text
    assert TOKEN not in caplog.text
