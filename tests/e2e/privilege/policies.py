"""What resources grant to AWS services in their own policies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tests.e2e.client import Stage
from tests.e2e.privilege.grants import listed

Statement = dict[str, Any]


@dataclass(frozen=True)
class FunctionPermission:
    """One statement of a function's policy: an AWS::Lambda::Permission."""

    client: Any = field(repr=False, compare=False)
    function: str
    sid: str
    principal: str
    source: str

    @property
    def name(self) -> str:
        return f"function {self.function}: lambda:InvokeFunction by {self.principal} for {self.source}"

    def delete(self) -> None:
        self.client.remove_permission(FunctionName=self.function, StatementId=self.sid)

    def restore(self) -> None:
        self.client.add_permission(
            FunctionName=self.function,
            StatementId=self.sid,
            Action="lambda:InvokeFunction",
            Principal=self.principal,
            SourceArn=self.source,
        )


@dataclass(frozen=True)
class PolicyStatement:
    """One Allow of a policy that is put as a whole: a queue's, a topic's or a bucket's."""

    put: Any = field(repr=False, compare=False)
    resource: str
    document: dict[str, Any] = field(compare=False)
    statement: int

    @property
    def content(self) -> Statement:
        found: Statement = self.document["Statement"][self.statement]
        return found

    @property
    def name(self) -> str:
        principal = next(iter(self.content["Principal"].values()))
        return f"policy of {self.resource}: {self.content['Action']} by {principal}"

    def delete(self) -> None:
        statements = [s for i, s in enumerate(self.document["Statement"]) if i != self.statement]
        self.put({**self.document, "Statement": statements})

    def restore(self) -> None:
        self.put(self.document)


@dataclass(frozen=True)
class Trust:
    """One role that may assume another, by the other's trust policy."""

    client: Any = field(repr=False, compare=False)
    role: str
    document: dict[str, Any] = field(compare=False)
    principal: str

    @property
    def name(self) -> str:
        return f"trust of {self.role}: sts:AssumeRole by {self.principal}"

    def delete(self) -> None:
        kept = []
        for statement in self.document["Statement"]:
            named = [arn for arn in listed(statement["Principal"]["AWS"]) if arn != self.principal]
            if named:
                kept.append({**statement, "Principal": {"AWS": named}})
        self._put({**self.document, "Statement": kept})

    def restore(self) -> None:
        self._put(self.document)

    def _put(self, document: Statement) -> None:
        self.client.update_assume_role_policy(RoleName=self.role, PolicyDocument=json.dumps(document))


def of_trusts(stage: Stage) -> Iterator[Trust]:
    """Read which roles may assume a role of the stage."""
    client = stage.client("iam")
    for page in client.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            document = role["AssumeRolePolicyDocument"]
            for statement in document["Statement"]:
                for principal in listed(statement["Principal"].get("AWS", [])):
                    yield Trust(client, role["RoleName"], document, principal)


def of_functions(stage: Stage) -> Iterator[FunctionPermission]:
    """Read who may invoke the stage's functions."""
    client = stage.client("lambda")
    for page in client.get_paginator("list_functions").paginate():
        for name in (function["FunctionName"] for function in page["Functions"]):
            try:
                policy = json.loads(client.get_policy(FunctionName=name)["Policy"])
            except client.exceptions.ResourceNotFoundException:
                continue
            for statement in policy["Statement"]:
                (source,) = statement["Condition"]["ArnLike"].values()
                principal = statement["Principal"]["Service"]
                yield FunctionPermission(client, name, statement["Sid"], principal, source)


def of_queues(stage: Stage) -> Iterator[PolicyStatement]:
    """Read who may send to the stage's queues."""
    client = stage.client("sqs")
    for url in client.list_queues().get("QueueUrls", []):
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy", "QueueArn"])["Attributes"]

        def put(document: Statement, url: str = url) -> None:
            client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(document)})

        yield from _allows(put, found["QueueArn"], found.get("Policy"))


def of_topics(stage: Stage) -> Iterator[PolicyStatement]:
    """Read who may publish to the stage's topic."""
    client, arn = stage.client("sns"), stage.outputs["NotificationsTopic"]

    def put(document: Statement) -> None:
        client.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(document))

    yield from _allows(put, arn, client.get_topic_attributes(TopicArn=arn)["Attributes"].get("Policy"))


def of_buckets(stage: Stage) -> Iterator[PolicyStatement]:
    """Read who may use the stage's buckets beside the account's own roles."""
    client = stage.client("s3")
    for bucket in (found["Name"] for found in client.list_buckets()["Buckets"]):
        if not bucket.startswith(f"relearn-{stage.name}-"):
            continue

        def put(document: Statement, bucket: str = bucket) -> None:
            client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))

        try:
            policy = client.get_bucket_policy(Bucket=bucket)["Policy"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
                raise
            continue
        yield from _allows(put, bucket, policy)


def _allows(put: Any, resource: str, policy: str | None) -> Iterator[PolicyStatement]:
    document = json.loads(policy) if policy else {"Statement": []}
    for index, statement in enumerate(document["Statement"]):
        if statement["Effect"] == "Allow":
            yield PolicyStatement(put, resource, document, index)
