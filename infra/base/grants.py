"""Explicit permissions: every role gets exactly the stated actions and resources, and nothing by default.

CDK's own ``grant_*`` methods and managed policies allow more than a caller uses; a `Grant` allows one list of
actions on named resources. A resource with a wildcard needs a reason, which becomes the exact acknowledgement
of cdk-nag's finding on that role.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Acknowledgment, ArnFormat, Aws, CfnResource, Duration, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from relearn.errors import ConfigError

XRAY_HAS_NO_RESOURCES = "X-Ray's write actions take no resource"
NAMES_NO_SOURCE = frozenset({"glue.amazonaws.com"})
"""Services whose guides do not say that they pass the source account when they assume a role; a condition on
it might lock them out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """Actions allowed on resources.

    Parameters
    ----------
    actions
        Full names of actions, without wildcards.
    resources
        ARNs.
    because
        Reason for a wildcard in a resource; required when there is one.
    conditions
        Conditions of the policy statement.
    """

    actions: Sequence[str]
    resources: Sequence[str]
    because: str = ""
    conditions: Mapping[str, Any] = field(default_factory=dict)


def list_sagemaker(*kinds: str) -> Grant:
    """Allow listing all resources of these kinds, e.g. ``"Endpoints"``."""
    return Grant(
        actions=[f"sagemaker:List{kind}" for kind in kinds],
        resources=["*"],
        because="SageMaker's list actions take no resource",
    )


def alarm(stack: Stack, name: str) -> str:
    """Return the ARN of an alarm; ``name`` may have a wildcard."""
    return stack.format_arn(
        service="cloudwatch", resource="alarm", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )


def look_at_alarms(stack: Stack) -> Grant:
    """Allow describing alarms."""
    return Grant(
        actions=["cloudwatch:DescribeAlarms"],
        resources=[alarm(stack, "*")],
        because="CloudWatch asks for it on all alarms, also where a look is for those of one name, and so does "
        "Application Auto Scaling of who registers a target; it only reads",
    )


def role(
    scope: Construct, construct_id: str, *, service: str, grants: Sequence[Grant], name: str | None = None
) -> iam.IRole:
    """Create a role for one AWS service with exactly ``grants``, which no construct can extend later.

    The service can assume it only on behalf of this account's resources, so that no other account can use it
    ("The confused deputy problem" in the IAM guide); Lambda, SageMaker, Step Functions and EventBridge
    Scheduler pass the account.

    Parameters
    ----------
    service
        Service principal, e.g. ``"lambda.amazonaws.com"``.
    grants
        Permissions of the role.
    name
        Name of the role; None to let CloudFormation choose it.

    Raises
    ------
    ConfigError
        A resource has a wildcard, and its grant no reason.
    """
    own = {} if service in NAMES_NO_SOURCE else {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    made = iam.Role(
        scope,
        construct_id,
        role_name=name,
        assumed_by=iam.ServicePrincipal(service, conditions=own),
        inline_policies=_policies(grants),
    )
    for grant in grants:
        _acknowledge_wildcards(made, grant)
    # Imported by ARN, so that constructs add no statements to it, and no dependency besides the ARN.
    return iam.Role.from_role_arn(scope, f"{construct_id}AsIs", made.role_arn, mutable=False)


def role_for_roles(
    scope: Construct, construct_id: str, *, name: str, roles: Sequence[iam.IRole], grants: Sequence[Grant]
) -> iam.Role:
    """Create a role that other roles of this account assume, with exactly ``grants``.

    Its trust policy is all that they need: "When a resource-based policy grants access to a principal in the same account, no
    additional identity-based policy is required" (AssumeRole in the AWS STS API Reference).

    Parameters
    ----------
    name
        Name of the role.
    roles
        Roles that may assume it; nobody else may.
    grants
        Permissions of the role.

    Raises
    ------
    ConfigError
        A resource has a wildcard, and its grant no reason.
    """
    own = {"StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID}}
    principals = [iam.ArnPrincipal(one.role_arn).with_conditions(own) for one in roles]
    made = iam.Role(
        scope,
        construct_id,
        role_name=name,
        assumed_by=iam.CompositePrincipal(*principals),
        inline_policies=_policies(grants),
    )
    for grant in grants:
        _acknowledge_wildcards(made, grant)
    return made


def role_for_tokens(
    scope: Construct,
    construct_id: str,
    *,
    provider: str,
    conditions: Mapping[str, Any],
    grants: Sequence[Grant],
    hours: int,
) -> iam.IRole:
    """Create a role for the tokens of an OIDC provider with exactly ``grants``.

    Parameters
    ----------
    provider
        ARN of the provider.
    conditions
        Conditions on the claims of the tokens.
    grants
        Permissions of the role.
    hours
        Maximum duration of a session in hours, 1 to 12.

    Raises
    ------
    ConfigError
        A resource has a wildcard, and its grant no reason.
    """
    made = iam.Role(
        scope,
        construct_id,
        assumed_by=iam.WebIdentityPrincipal(provider, conditions),
        inline_policies=_policies(grants),
        max_session_duration=Duration.hours(hours),
    )
    for grant in grants:
        _acknowledge_wildcards(made, grant)
    return made


def tracing() -> Grant:
    """Allow active tracing."""
    return Grant(
        actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
        resources=["*"],
        because=XRAY_HAS_NO_RESOURCES,
    )


def pass_roles(prefix: str, *, to: str) -> Grant:
    """Allow passing the roles whose ARN starts with ``prefix`` to one service only."""
    return Grant(
        actions=["iam:PassRole"],
        resources=[f"{prefix}*"],
        because="there is one for each model, whose name ends it; a list of them would outgrow the policy",
        conditions={"StringEquals": {"iam:PassedToService": to}},
    )


def bucket_arn(scope: Construct, bucket: s3.IBucket) -> str:
    """Return the ARN of ``bucket`` as the stack of ``scope`` refers to it, as an acknowledgement needs it."""
    owner = Stack.of(bucket)
    if owner.node.addr == Stack.of(scope).node.addr:
        return bucket.bucket_arn
    return str(owner.export_value(bucket.bucket_arn))


def objects(scope: Construct, bucket: s3.IBucket, *actions: str, under: Sequence[str]) -> Grant:
    """Allow ``actions`` on the objects whose key starts with one of ``under``."""
    arn = bucket_arn(scope, bucket)
    return Grant(
        actions=actions,
        resources=[f"{arn}/{prefix}*" for prefix in under],
        because=f"object keys are known only at run time; narrowed to {', '.join(under)}",
    )


def acknowledge(target: IConstruct, rule: str, reason: str) -> None:
    """Acknowledge one cdk-nag finding on one resource.

    Parameters
    ----------
    target
        A CloudFormation resource, or the construct whose main resource has the finding.
    rule
        Full id of the finding, e.g. ``"AwsSolutions-S1"``.
    reason
        Why the finding is acceptable.

    Raises
    ------
    ConfigError
        ``target`` has no main resource.
    """
    resource = target if CfnResource.is_cfn_resource(target) else target.node.default_child
    if resource is None:
        raise ConfigError("acknowledge", target.node.path, "a construct with one main resource")
    Validations.of(resource).acknowledge(Acknowledgment(id=rule, reason=reason))


def flat(value: Any) -> str:
    """Return a resolved ARN as cdk-nag writes it in findings: ``<Ref>``, ``<Logical.Attribute>``.

    Raises
    ------
    ConfigError
        The value has an unknown form.
    """
    match value:
        case str():
            return value.replace("${", "<").replace("}", ">")
        case {"Fn::Sub": str() as template}:
            return flat(template)
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return flat(name)
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(flat(part) for part in parts)
    raise ConfigError("resources", value, "a string, Ref, GetAtt, ImportValue, Sub or Join")


def _policies(grants: Sequence[Grant]) -> dict[str, iam.PolicyDocument]:
    return {"Exactly": iam.PolicyDocument(statements=[_statement(grant) for grant in grants])}


def _statement(grant: Grant) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=list(grant.actions), resources=list(grant.resources), conditions=dict(grant.conditions)
    )


def _acknowledge_wildcards(made: iam.Role, grant: Grant) -> None:
    for resource in grant.resources:
        finding = flat(Stack.of(made).resolve(resource))
        if "*" not in finding:
            continue
        if not grant.because:
            raise ConfigError("because", finding, f"why {', '.join(grant.actions)} needs a wildcard")
        acknowledge(made, f"AwsSolutions-IAM5[Resource::{finding}]", grant.because)
