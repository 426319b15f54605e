from __future__ import annotations

from typing import Any

from tests.infra.synthesis import Resource, Synthesised, text


def rule(dev: Synthesised, name: str) -> Resource:
    (found,) = (r for k, r in dev.resources("AWS::Events::Rule", "Serving").items() if name in k)
    properties: Resource = found["Properties"]
    return properties


def test_the_file_of_a_batch_wakes_the_function_and_no_upload_does(dev: Synthesised) -> None:
    pattern = rule(dev, "FileArrived")["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    assert pattern["detail"]["object"] == {"key": [{"prefix": "batches/"}]}
    assert "Uploads" in text(pattern["detail"]["bucket"]["name"][0])


def test_the_end_of_a_transform_job_of_this_stage_wakes_the_function(dev: Synthesised) -> None:
    pattern = rule(dev, "JobEnded")["EventPattern"]
    assert pattern["source"] == ["aws.sagemaker"]
    assert pattern["detail-type"] == ["SageMaker Transform Job State Change"]
    assert pattern["detail"] == {
        "TransformJobName": [{"prefix": "relearn-dev-"}],
        "TransformJobStatus": ["Completed", "Failed", "Stopped"],
    }


def test_each_rule_alone_may_invoke_it_and_what_fails_is_kept(dev: Synthesised) -> None:
    queues = dev.resources("AWS::SQS::Queue", "Serving").items()
    ((queue_id, queue),) = ((k, q) for k, q in queues if k.startswith("Batches"))
    assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 86_400
    function = dev.function("batch_event")
    arn = {"Fn::GetAtt": [queue_id, "Arn"]}
    assert function["DeadLetterConfig"] == {"TargetArn": arn}
    for name in ("FileArrived", "JobEnded"):
        (target,) = rule(dev, name)["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": arn}
    sources = [text(s["Condition"]["ArnEquals"]["aws:SourceArn"]) for s in _allowed(dev)]
    assert len(sources) == 2
    assert all("FileArrived" in source or "JobEnded" in source for source in sources)


def _allowed(dev: Synthesised) -> list[Any]:
    policies = dev.resources("AWS::SQS::QueuePolicy", "Serving").items()
    (policy,) = (p["Properties"] for k, p in policies if k.startswith("Batches"))
    return [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]


def test_a_served_models_role_reads_and_writes_batches_and_logs_transform_jobs(dev: Synthesised) -> None:
    ((_, role),) = (
        (k, r["Properties"])
        for k, r in dev.resources("AWS::IAM::Role").items()
        if k.startswith("RolesEndpointiris")
    )
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    written = [s for s in statements if "s3:PutObject" in s["Action"]]
    assert [text(s["Resource"]).rpartition(">/")[2] for s in written] == ["batches/iris/*"]
    listed = [s for s in statements if s["Action"] == "s3:ListBucket"]
    assert [s["Condition"] for s in listed] == [{"StringLike": {"s3:prefix": ["batches/iris/*"]}}]
    assert any("/aws/sagemaker/TransformJobs" in text(s["Resource"]) for s in statements)
