"""Stores that must not be lost, buckets and tables, and the topic of notifications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from relearn.naming import ledger_keys

OLD_VERSIONS_DAYS = 90
"""Days after which a replaced object version expires."""
ACCESS_LOGS_DAYS = 90
"""Days after which access logs expire."""
HALF_UPLOADS_DAYS = 7
"""Days after which an incomplete multipart upload is aborted."""
KEPT_DAYS = 30
"""Days after which objects expire that runs can compute again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stores:
    """Resources of the data stack that other stacks use.

    Parameters
    ----------
    uploads, lake, artifacts
        Versioned buckets.
    ledger
        Table with the state of every upload, run, version and route.
    online
        Table of online features.
    topic
        Topic for the ends of runs, quarantined uploads and alarms.
    """

    uploads: s3.Bucket
    lake: s3.Bucket
    artifacts: s3.Bucket
    ledger: dynamodb.Table
    online: dynamodb.Table
    topic: sns.Topic


def access_log_bucket(scope: Construct, construct_id: str) -> s3.Bucket:
    """Create the bucket for the access logs of the others; they expire after `ACCESS_LOGS_DAYS`."""
    return s3.Bucket(
        scope,
        construct_id,
        lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(ACCESS_LOGS_DAYS))],
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        removal_policy=RemovalPolicy.RETAIN,
    )


def pages(origins: Sequence[str], *methods: s3.HttpMethods) -> list[s3.CorsRule]:
    """Return CORS rules that let pages of these origins use the API's links and forms; none without origins.

    Such requests are ones that HTML itself can send, so no headers need to be allowed.
    """
    if not origins:
        return []
    return [s3.CorsRule(allowed_origins=list(origins), allowed_methods=list(methods))]


def data_bucket(
    scope: Construct,
    construct_id: str,
    *,
    access_logs: s3.IBucket,
    events: bool = False,
    cors: Sequence[s3.CorsRule] = (),
    made_again: Sequence[str] = (),
) -> s3.Bucket:
    """Create a versioned bucket that outlives its stack; only replaced versions expire.

    Parameters
    ----------
    access_logs
        Bucket for its access logs.
    events
        Whether EventBridge gets an event for every object.
    cors
        CORS rules of pages that may use it from a browser.
    made_again
        Folders whose objects runs can compute again; these expire after `KEPT_DAYS`.
    """
    bucket = s3.Bucket(
        scope,
        construct_id,
        versioned=True,
        cors=list(cors),
        lifecycle_rules=[
            s3.LifecycleRule(
                noncurrent_version_expiration=Duration.days(OLD_VERSIONS_DAYS),
                abort_incomplete_multipart_upload_after=Duration.days(HALF_UPLOADS_DAYS),
            ),
            *(
                s3.LifecycleRule(prefix=f"{folder}/", expiration=Duration.days(KEPT_DAYS))
                for folder in made_again
            ),
        ],
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        server_access_logs_bucket=access_logs,
        server_access_logs_prefix=f"{construct_id.lower()}/",
        removal_policy=RemovalPolicy.RETAIN,
    )
    if events:
        # ``event_bridge_enabled=True`` would do it through CDK's own Lambda function with a wide role.
        resource = cast("s3.CfnBucket", bucket.node.default_child)
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )
    return bucket


def ledger(scope: Construct, construct_id: str, *, protect: bool) -> dynamodb.Table:
    """Create the ledger table.

    Parameters
    ----------
    protect
        Whether it refuses deletion and outlives its stack.
    """
    return _table(scope, construct_id, protect=protect, time_to_live_attribute=ledger_keys.EXPIRES_AT)


def online(scope: Construct, construct_id: str, *, protect: bool) -> dynamodb.Table:
    """Create the table of online features; like `ledger`, but its items do not expire."""
    return _table(scope, construct_id, protect=protect)


def _table(scope: Construct, construct_id: str, *, protect: bool, **more: Any) -> dynamodb.Table:
    return dynamodb.Table(
        scope,
        construct_id,
        partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        deletion_protection=protect,
        removal_policy=RemovalPolicy.RETAIN if protect else RemovalPolicy.DESTROY,
        **more,
    )


def notifications(
    scope: Construct, construct_id: str, *, alarms: Sequence[str], email: str | None
) -> sns.Topic:
    """Create the topic of notifications.

    Parameters
    ----------
    alarms
        ARN patterns of the alarms that may publish. A topic policy replaces SNS's default one, which lets the
        account's alarms publish.
    email
        Address that is subscribed; None for none.
    """
    topic = sns.Topic(scope, construct_id, enforce_ssl=True)
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={
                "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                "ArnLike": {"aws:SourceArn": list(alarms)},
            },
        )
    )
    if email:
        topic.add_subscription(subscriptions.EmailSubscription(email))
    return topic
