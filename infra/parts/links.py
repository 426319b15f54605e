"""Role that signs presigned links and forms, so that it is known when its credentials, and with them the links, end."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.base import grants
from infra.base.access import Access
from infra.base.functions import Function
from infra.base.settings import Settings
from relearn.naming import resources, s3_keys


def role(
    scope: Construct, construct_id: str, *, settings: Settings, access: Access, functions: Sequence[Function]
) -> iam.Role:
    """Create the role that ``functions`` assume for signing, with the permissions that links and forms need.

    It is one role for all models: these functions run no code of a model and answer for every one, and each link names one
    object. Its sessions last an hour, the default and the most that role chaining allows.
    """
    made = grants.role_for_roles(
        scope,
        construct_id,
        name=resources.links_role(settings.stage, Stack.of(scope).region),
        roles=[function.role for function in functions],
        grants=[
            access.incoming("s3:PutObject"),
            access.sent_files("s3:PutObject"),
            access.lake("s3:GetObject", under=[s3_keys.BATCHES]),
        ],
    )
    for function in functions:
        function.function.node.add_dependency(made)  # its name is all that they refer to
    return made
