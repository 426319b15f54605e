"""The definitions that tests without the CDK read are those of the app."""

from __future__ import annotations

import json

from tests.infra.definitions import synthesise
from tests.support.definitions import definitions


def test_the_file_has_what_the_app_synthesises_now() -> None:
    assert json.loads(json.dumps(synthesise())) == definitions(), "run: make definitions"
