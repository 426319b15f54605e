"""ECR: IAM authorization of calls on repositories, and the configurations of images."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.core import iam_actions
from ministack.core.responses import error_response_json, json_response
from ministack.services import ecr

if TYPE_CHECKING:
    from local.sagemaker.context import Context

_LINKS = "/starport-layer-bucket/"
"""Path of links to layers; on AWS a bucket of ECR's own."""


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


def give_configurations_of_images(context: Context) -> None:
    """Answer GetDownloadUrlForLayer with a link to an image's configuration, which says its architecture.

    MiniStack answers with an address that does not exist. ECR answers with a presigned link to a layer or configuration
    that an image of the repository refers to (API reference, GetDownloadUrlForLayer). The layers themselves are not
    here: an image of the laptop is a folder.
    """
    links: dict[str, bytes] = {}
    answer = app._handle_post_body_shortcuts

    def link(request: dict[str, Any]) -> Any:
        digest, repository = request.get("layerDigest", ""), request.get("repositoryName", "")
        images = ecr._images.get(repository, [])
        named = any(digest in image.get("imageManifest", "") for image in images)
        content = context.images.configuration(digest) if named else None
        if content is None:
            message = (
                f"The layer with digest '{digest}' does not exist in the repository with name '{repository}'"
            )
            return error_response_json("LayersNotFoundException", message, 400)
        path = f"{_LINKS}{secrets.token_urlsafe(32)}"
        links[path] = content
        return json_response({"downloadUrl": f"{context.endpoint}{path}", "layerDigest": digest})

    async def followed(method: str, path: str, *rest: Any) -> Any:
        if method == "GET" and path in links:
            return 200, {"Content-Type": "application/octet-stream"}, links[path]
        return await answer(method, path, *rest)

    ecr._get_download_url_for_layer = link
    app._handle_post_body_shortcuts = followed


def _repository(body: bytes) -> str:
    request = json.loads(body or b"{}")
    names = [request.get("repositoryName"), *request.get("repositoryNames", [])]
    return next((name for name in names if name), "")
