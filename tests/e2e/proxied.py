"""A proxy of the stage under test."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path

from tests.e2e.client import Stage
from tests.support.proxied import Proxy, proxy


def proxy_of(stage: Stage, folder: Path) -> AbstractContextManager[Proxy]:
    """Run a proxy of a stage; ``folder`` takes what describes the laptop cloud."""
    return proxy(*options(stage, folder))


def options(stage: Stage, folder: Path) -> list[str]:
    """Say to the ``relearn`` command which stage is meant; ``folder`` takes what describes the laptop cloud."""
    if stage.endpoint_url is None:
        return ["--stage", stage.name, "--region", stage.session.region_name]
    keys = stage.session.get_credentials()
    assert keys is not None
    about = {
        "stage": stage.name,
        "region": stage.session.region_name,
        "endpoint_url": stage.endpoint_url,
        "api_url": stage.api_url,
        "access_key_id": keys.access_key,
        "secret_access_key": keys.secret_key,
        "outputs": stage.outputs,
    }
    file = folder / "local.json"
    file.write_text(json.dumps(about))
    return ["--local-file", str(file)]
