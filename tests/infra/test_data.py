from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.infra.synthesis import Synthesised, statements, text

DATA_BUCKETS = ("Uploads", "Lake", "Artifacts")
TABLES = ("Ledger", "Online")


def table_of(synthesised: Synthesised, name: str) -> Any:
    (found,) = (
        table
        for logical_id, table in synthesised.resources("AWS::DynamoDB::Table").items()
        if logical_id.startswith(name)
    )
    return found


def test_every_bucket_is_encrypted_private_and_outlives_its_stack(dev: Synthesised) -> None:
    buckets = dev.resources("AWS::S3::Bucket")
    assert len(buckets) == len(DATA_BUCKETS) + 1
    for bucket in buckets.values():
        rules = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rules == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"


def test_every_data_bucket_keeps_versions_and_expires_no_current_one_but_what_is_made_again(
    dev: Synthesised,
) -> None:
    versioned = [p for p in dev.properties("AWS::S3::Bucket") if "VersioningConfiguration" in p]
    assert len(versioned) == len(DATA_BUCKETS)
    for bucket in versioned:
        rule, *made_again = bucket["LifecycleConfiguration"]["Rules"]
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
        assert "ExpirationInDays" not in rule
        assert [(more["Prefix"], more["ExpirationInDays"]) for more in made_again] in (
            [],
            [("features/", 30), ("spark/", 30)],
        )
        assert "LoggingConfiguration" in bucket


def test_every_bucket_refuses_requests_without_tls(dev: Synthesised) -> None:
    policies = dev.properties("AWS::S3::BucketPolicy")
    assert {policy["Bucket"]["Ref"] for policy in policies} == set(dev.resources("AWS::S3::Bucket"))
    for policy in policies:
        denied = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in [s["Condition"] for s in denied]


def test_only_uploads_tell_eventbridge(dev: Synthesised) -> None:
    telling = [
        logical_id
        for logical_id, bucket in dev.resources("AWS::S3::Bucket").items()
        if "NotificationConfiguration" in bucket["Properties"]
    ]
    assert [logical_id.startswith("Uploads") for logical_id in telling] == [True]


def test_pages_of_the_stages_origins_may_use_the_links_to_files_and_nothing_else(
    dev: Synthesised, tokens: Synthesised
) -> None:
    assert not any("CorsConfiguration" in bucket for bucket in dev.properties("AWS::S3::Bucket"))
    allowed = {
        logical_id: bucket["Properties"]["CorsConfiguration"]["CorsRules"]
        for logical_id, bucket in tokens.resources("AWS::S3::Bucket").items()
        if "CorsConfiguration" in bucket["Properties"]
    }
    origins = ["https://app.example.com"]
    uploads, lake = (
        next(rules for name, rules in allowed.items() if name.startswith(kind))
        for kind in ("Uploads", "Lake")
    )
    assert len(allowed) == 2
    assert uploads == [{"AllowedMethods": ["POST"], "AllowedOrigins": origins}]
    assert lake == [{"AllowedMethods": ["GET"], "AllowedOrigins": origins}]


def test_what_the_ledger_keeps_for_a_while_expires(dev: Synthesised) -> None:
    table = table_of(dev, "Ledger")["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_keyed_paid_by_request_and_can_be_restored(dev: Synthesised, name: str) -> None:
    table = table_of(dev, name)["Properties"]
    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_features_that_are_looked_up_never_expire(dev: Synthesised) -> None:
    assert "TimeToLiveSpecification" not in table_of(dev, "Online")["Properties"]


@pytest.mark.parametrize("name", TABLES)
def test_a_protected_stage_keeps_its_tables(prod: Synthesised, name: str) -> None:
    table = table_of(prod, name)
    assert table["DeletionPolicy"] == "Retain"
    assert table["Properties"]["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize("name", TABLES)
def test_another_stage_gives_its_tables_up(dev: Synthesised, name: str) -> None:
    table = table_of(dev, name)
    assert table["DeletionPolicy"] == "Delete"
    assert table["Properties"]["DeletionProtectionEnabled"] is False


def test_the_topic_takes_messages_over_tls_and_from_the_stages_own_alarms(dev: Synthesised) -> None:
    (policy,) = dev.properties("AWS::SNS::TopicPolicy")
    found = {s["Effect"]: s for s in policy["PolicyDocument"]["Statement"]}
    assert found["Deny"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert found["Allow"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    sources = [text(arn) for arn in found["Allow"]["Condition"]["ArnLike"]["aws:SourceArn"]]
    assert [arn.rpartition(":alarm:")[2] for arn in sources] == [
        "relearn-dev-monitoring-*",
        "relearn-dev-guard-*-*",
    ]


def test_the_topic_admits_every_alarm_of_the_stage(dev: Synthesised) -> None:
    # An alarm whose topic refuses it changes its state and notifies nobody; CloudFormation names an alarm without a name
    # by its stack, its logical id and a random end.
    (policy,) = dev.properties("AWS::SNS::TopicPolicy")
    (allow,) = (s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow")
    patterns = [text(arn).rpartition(":alarm:")[2] for arn in allow["Condition"]["ArnLike"]["aws:SourceArn"]]
    names = [
        alarm["Properties"].get("AlarmName", f"relearn-dev-monitoring-{logical_id}-0123456789AB")
        for logical_id, alarm in dev.resources("AWS::CloudWatch::Alarm").items()
    ]
    assert len(names) > 30
    assert [name for name in names if not any(fnmatchcase(name, pattern) for pattern in patterns)] == []


def test_a_queue_admits_every_rule_that_sends_to_it(dev: Synthesised) -> None:
    policies = [
        text(statement)
        for policy in dev.properties("AWS::SQS::QueuePolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and "events.amazonaws.com" in text(statement)
    ]
    sending = {
        rule: target["Arn"]["Fn::GetAtt"][0]
        for rule, resource in dev.resources("AWS::Events::Rule").items()
        for target in resource["Properties"]["Targets"]
        if "Queue" in text(target["Arn"])
    }
    assert sending
    for rule, queue in sending.items():
        assert any(rule in statement and queue in statement for statement in policies), (rule, queue)


def test_a_function_admits_every_rule_that_calls_it(dev: Synthesised) -> None:
    # A target without a role is called by the function's own policy: EventBridge User Guide, "Using resource-based policies
    # for Amazon EventBridge".
    admitted = {
        (given["SourceArn"]["Fn::GetAtt"][0], given["FunctionName"]["Fn::GetAtt"][0])
        for given in dev.properties("AWS::Lambda::Permission")
        if given["Principal"] == "events.amazonaws.com"
    }
    calls = {
        (rule, target["Arn"]["Fn::GetAtt"][0])
        for rule, resource in dev.resources("AWS::Events::Rule").items()
        for target in resource["Properties"]["Targets"]
        if "Function" in text(target["Arn"])
    }
    assert calls
    assert calls == admitted


@pytest.mark.parametrize(
    "key",
    ["UploadsBucket", "LakeBucket", "ArtifactsBucket", "LedgerTable", "OnlineTable", "NotificationsTopic"],
)
def test_the_data_stack_says_where_its_stores_are(dev: Synthesised, key: str) -> None:
    assert key in dev.templates["Data"]["Outputs"]


def test_what_is_deleted_with_a_stage_is_all_but_its_buckets(dev: Synthesised) -> None:
    kept = {
        resource["Type"]
        for template in dev.templates.values()
        for resource in template["Resources"].values()
        if resource.get("DeletionPolicy") == "Retain"
    }
    assert kept == {"AWS::S3::Bucket"}


def test_no_role_may_delete_data(dev: Synthesised) -> None:
    for logical_id, statement in statements(dev):
        assert not [a for a in statement["Action"] if a.startswith("s3:Delete")], logical_id
