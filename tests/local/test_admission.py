"""What AWS asks permission for where MiniStack by itself does not: alarms, missing objects, traces, logs."""

from __future__ import annotations

import json
from typing import Any

from tests.local.actions import refusal
from tests.local.conftest import Running

POLICY = {"Version": "2012-10-17", "Statement": []}


def test_an_alarm_tells_a_topic_only_when_its_policy_admits_it(cloud: Running, name: str) -> None:
    topic, url = heard_topic(cloud, name)
    alarm = alarm_that_tells(cloud, name, topic)
    admitted = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:*:*:alarm:*"}},
    }
    admit(cloud, topic)
    goes_off(cloud, alarm)
    assert not messages(cloud, url)
    admit(cloud, topic, admitted)
    goes_off(cloud, alarm)
    assert len(messages(cloud, url)) == 1


def test_an_object_that_is_not_there_is_forbidden_to_those_who_may_not_list(
    cloud: Running, name: str
) -> None:
    bucket = cloud.outputs["Bucket"]
    read = {"Effect": "Allow", "Action": "s3:*Object*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    listing = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    s3 = user(cloud, name, read)
    asked = {"Bucket": bucket, "Key": f"nowhere/{name}"}
    copied = {**asked, "CopySource": {"Bucket": bucket, "Key": f"nowhere/{name}-source"}}
    assert refusal(s3.get_object, **asked)[0] == "AccessDenied"
    assert refusal(s3.head_object, **asked)[0] == "403"
    assert refusal(s3.copy_object, **copied)[0] == "AccessDenied"
    allow(cloud, name, read, listing)
    assert refusal(s3.get_object, **asked)[0] == "NoSuchKey"
    assert refusal(s3.head_object, **asked)[0] == "404"
    assert refusal(s3.copy_object, **copied)[0] == "NoSuchKey"


def test_a_version_that_is_not_there_is_forbidden_to_those_who_may_not_list(
    cloud: Running, name: str
) -> None:
    admin, bucket, key = cloud.client("s3"), cloud.outputs["Bucket"], f"gone/{name}"
    admin.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    gone = admin.put_object(Bucket=bucket, Key=key, Body=b"x")["VersionId"]
    admin.delete_object(Bucket=bucket, Key=key, VersionId=gone)
    read = {"Effect": "Allow", "Action": "s3:GetObjectVersion", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3 = user(cloud, name, read)
    assert refusal(s3.get_object, Bucket=bucket, Key=key, VersionId=gone)[0] == "AccessDenied"
    assert refusal(admin.get_object, Bucket=bucket, Key=key, VersionId=gone)[0] == "NoSuchVersion"


def test_a_function_is_traced_only_when_its_role_may_write_traces(cloud: Running) -> None:
    client, role = cloud.client("lambda"), cloud.outputs["FunctionRole"]
    wish = {"FunctionName": cloud.outputs["Function"], "TracingConfig": {"Mode": "Active"}}
    code, message = refusal(client.update_function_configuration, **wish)
    assert (code, "PutTraceSegments" in message) == ("InvalidParameterValueException", True)
    traces = {"Effect": "Allow", "Action": "xray:PutTraceSegments", "Resource": "*"}
    iam, policy = cloud.client("iam"), {**POLICY, "Statement": [traces]}
    iam.put_role_policy(RoleName=role, PolicyName="traces", PolicyDocument=json.dumps(policy))
    try:
        assert client.update_function_configuration(**wish)["TracingConfig"] == {"Mode": "Active"}
    finally:
        client.update_function_configuration(**{**wish, "TracingConfig": {"Mode": "PassThrough"}})
        iam.delete_role_policy(RoleName=role, PolicyName="traces")


def test_a_state_machine_logs_only_when_its_role_may_set_up_the_delivery(cloud: Running, name: str) -> None:
    client, group = cloud.client("stepfunctions"), f"arn:aws:logs:us-east-1:123456789012:log-group:{name}:*"
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]
    wish = {"name": name, "definition": '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'}
    wish["roleArn"] = f"arn:aws:iam::123456789012:role/{cloud.outputs['MachineRole']}"
    logging = {"level": "ALL", "destinations": destinations}
    code, message = refusal(client.create_state_machine, **wish, loggingConfiguration=logging)
    assert (code, "Log Destination" in message) == ("AccessDeniedException", True)
    arn = client.create_state_machine(**wish)["stateMachineArn"]
    asked = {"stateMachineArn": arn, "loggingConfiguration": logging}
    assert refusal(client.update_state_machine, **asked)[0] == "AccessDeniedException"
    iam, role = cloud.client("iam"), cloud.outputs["MachineRole"]
    delivery = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    policy = json.dumps({**POLICY, "Statement": [delivery]})
    iam.put_role_policy(RoleName=role, PolicyName="delivery", PolicyDocument=policy)
    try:
        client.update_state_machine(**asked)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="delivery")
    assert client.describe_state_machine(stateMachineArn=arn)["loggingConfiguration"] == logging


def heard_topic(cloud: Running, name: str) -> tuple[str, str]:
    """A topic, and the URL of a queue that hears it."""
    sns, sqs = cloud.client("sns"), cloud.client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    from_topic = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
    }
    policy = json.dumps({**POLICY, "Statement": [from_topic]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    return topic, url


def alarm_that_tells(cloud: Running, name: str, topic: str) -> str:
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        AlarmActions=[topic],
        MetricName="m",
        Namespace="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    return name


def admit(cloud: Running, topic: str, *statements: Any) -> None:
    """Let these statements be the topic's whole policy."""
    policy = json.dumps({**POLICY, "Statement": list(statements)})
    cloud.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def goes_off(cloud: Running, alarm: str) -> None:
    for state in ("OK", "ALARM"):
        cloud.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="a test")


def messages(cloud: Running, url: str) -> list[Any]:
    found: list[Any] = cloud.client("sqs").receive_message(QueueUrl=url).get("Messages", [])
    return found


def user(cloud: Running, name: str, *statements: Any) -> Any:
    """An S3 client of a user with these permissions."""
    cloud.client("iam").create_user(UserName=name)
    allow(cloud, name, *statements)
    keys = cloud.client("iam").create_access_key(UserName=name)["AccessKey"]
    return cloud.client(
        "s3", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"]
    )


def allow(cloud: Running, name: str, *statements: Any) -> None:
    policy = json.dumps({**POLICY, "Statement": list(statements)})
    cloud.client("iam").put_user_policy(UserName=name, PolicyName="grants", PolicyDocument=policy)
