"""Registration of SageMaker and Application Auto Scaling as services of MiniStack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack import app
from ministack.core import router

from local.sagemaker.http import Service
from local.scaling.service import Service as Scaling

if TYPE_CHECKING:
    from local.sagemaker.context import Context


def add_sagemaker(context: Context) -> None:
    """Route SageMaker's requests to ``local.sagemaker``.

    MiniStack has no SageMaker and answers "Unsupported service". It verifies the request's signature. The
    service authorizes the call itself (``local.sagemaker.access``), because one call may need several actions
    on several resources.
    """
    app.SERVICE_HANDLERS["sagemaker"] = Service(context).handle_request
    router.SERVICE_PATTERNS["sagemaker"] = {
        "target_prefixes": ["SageMaker."],
        "host_patterns": [r"api\.sagemaker\.", r"runtime\.sagemaker\."],
        "path_prefixes": ["/endpoints/"],
    }


def add_application_auto_scaling(context: Context) -> None:
    """Route Application Auto Scaling's requests to ``local.scaling``.

    MiniStack lacks this service and answers "Unsupported service". The service authorizes the call itself
    (``local.scaling.permissions``).
    """
    app.SERVICE_HANDLERS["application-autoscaling"] = Scaling(context).handle_request
    router.SERVICE_PATTERNS["application-autoscaling"] = {
        "target_prefixes": ["AnyScaleFrontendService."],
        "host_patterns": [r"application-autoscaling\."],
    }
