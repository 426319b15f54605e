"""SageMaker, and what scales its endpoints, become services of MiniStack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack import app
from ministack.core import router

from local.sagemaker.http import Service
from local.scaling.service import Service as Scaling

if TYPE_CHECKING:
    from local.sagemaker.context import Context


def add_sagemaker(context: Context) -> None:
    """Route SageMaker's requests to this package.

    MiniStack has no SageMaker: it answers "Unsupported service". It checks the request's signature for us;
    what the caller may do, this service asks itself (``local.sagemaker.access``), for one call may need
    several actions on several resources.
    """
    app.SERVICE_HANDLERS["sagemaker"] = Service(context).handle_request
    router.SERVICE_PATTERNS["sagemaker"] = {
        "target_prefixes": ["SageMaker."],
        "host_patterns": [r"api\.sagemaker\.", r"runtime\.sagemaker\."],
        "path_prefixes": ["/endpoints/"],
    }


def add_application_auto_scaling(context: Context) -> None:
    """Route Application Auto Scaling's requests to this package.

    MiniStack has none: it answers "Unsupported service". As with SageMaker, the service asks itself what the
    caller may do (``local.scaling.permissions``).
    """
    app.SERVICE_HANDLERS["application-autoscaling"] = Scaling(context).handle_request
    router.SERVICE_PATTERNS["application-autoscaling"] = {
        "target_prefixes": ["AnyScaleFrontendService."],
        "host_patterns": [r"application-autoscaling\."],
    }
