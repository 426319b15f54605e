"""IAM authorization of ECR calls on repositories."""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_actions


def authorise_repositories_by_name() -> None:
    """Authorize ECR calls on the repository that they name.

    MiniStack authorizes them on ``*``, so a policy for one repository, such as that of CDK's image-publishing
    role, never matches and ``cdk deploy`` is refused.
    """
    extract = iam_actions.extract_resource_arn

    def with_repositories(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        name = _repository(body) if service == "ecr" else ""
        if name:
            region, account = rest[-2:]
            return f"arn:aws:ecr:{region}:{account}:repository/{name}"
        found: str = extract(service, method, path, headers, body, *rest)
        return found

    iam_actions.extract_resource_arn = with_repositories


def _repository(body: bytes) -> str:
    request = json.loads(body or b"{}")
    names = [request.get("repositoryName"), *request.get("repositoryNames", [])]
    return next((name for name in names if name), "")
