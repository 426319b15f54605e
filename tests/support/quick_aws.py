"""What botocore and moto work out anew for every client or call though it is always the same, worked out once.

It takes about a fifth of the time of a test that calls AWS.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, cast

import boto3
import pytest
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.useragent import UserAgentString
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.core import responses
from moto.core.utils import camelcase_to_underscores
from moto.s3 import urls
from moto.s3.models import S3Backend
from moto.sns import models as sns
from moto.sns.models import Subscription
from moto.sqs import models as sqs

from tests.support.fake_sagemaker import REGION

BEFORE_CALL = "before-call"


def quicken(patch: pytest.MonkeyPatch) -> None:
    """Let calls have one User-Agent and sessions the names of events, and moto the URLs of S3, names of actions and one key."""
    patch.setattr(UserAgentString, "to_string", lambda _agent: "Boto3 of the tests")
    patch.setattr(EventAliaser, "_alias_event_name", lambda _aliaser, name: _alias(name))
    patch.setattr(S3Backend, "_url_module", urls)
    patch.setattr(Subscription, "private_key", lambda _subscription: _signing_key())
    for module in (responses, sqs, sns):
        patch.setattr(module, "camelcase_to_underscores", _underscored)


class SharedSession(boto3.Session):
    """A session whose clients are made once for all tests.

    A client of botocore copies the events of its session when it is made. These clients therefore pass their calls on to
    `events`, where the fakes of the stage that is up are registered.
    """

    _stage_events: EventAliaser | None = None

    def __init__(self) -> None:
        super().__init__("test", "test", region_name=REGION)
        self._clients: dict[tuple[str, str], Any] = {}
        super().events.register(BEFORE_CALL, cast("Any", self._pass_on))
        self._stage_events = EventAliaser(HierarchicalEmitter())

    @property
    def events(self) -> Any:
        """The events of the stage that is up; of the session while boto3 sets it up."""
        return self._stage_events or super().events

    def client(self, service_name: str, **more: Any) -> Any:  # type: ignore[override]
        """Give the client of a service with this configuration; one that the environment sends elsewhere, or with keys of its own, is not kept."""
        elsewhere = f"AWS_ENDPOINT_URL_{service_name.upper().replace('-', '_')}" in os.environ
        if elsewhere or "aws_access_key_id" in more:
            return super().client(cast("Any", service_name), **more)
        key = service_name, repr({name: vars(value) for name, value in more.items()})
        if key not in self._clients:
            self._clients[key] = super().client(cast("Any", service_name), **more)
        return self._clients[key]

    def _pass_on(self, event_name: str, **given: Any) -> Any:
        _, answer = self.events.emit_until_response(event_name, **given)
        return answer


_alias = cache(cast("Any", EventAliaser(HierarchicalEmitter()))._alias_event_name)
_underscored = cache(camelcase_to_underscores)


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
