"""SageMaker becomes one of MiniStack's services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack import app
from ministack.core import router

from local.sagemaker.http import Service

if TYPE_CHECKING:
    from local.sagemaker.world import World


def add_sagemaker(world: World) -> None:
    """Route SageMaker's requests to this package.

    MiniStack has no SageMaker: it answers "Unsupported service". It checks the request's signature for us;
    what the caller may do, this service asks itself (``local.sagemaker.access``), for one call may need
    several actions on several resources.
    """
    app.SERVICE_HANDLERS["sagemaker"] = Service(world).handle_request
    router.SERVICE_PATTERNS["sagemaker"] = {
        "target_prefixes": ["SageMaker."],
        "host_patterns": [r"api\.sagemaker\.", r"runtime\.sagemaker\."],
        "path_prefixes": ["/endpoints/"],
    }
