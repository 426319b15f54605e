"""The grants whose absence nothing on this machine can show, each with its reason.

Patterns are those of `fnmatch`, on a grant's name. The test fails when one matches no grant, or when a
grant it matches turns out to be caught after all.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

UNCATCHABLE = {
    "*: xray:PutTelemetryRecords *": (
        "how many traces were sent and lost, which nothing waits for; the laptop has no X-Ray"
    ),
    "RestoresRole: xray:*": "traces of executions, which nothing waits for; the laptop has no X-Ray",
    "RetrainRole: xray:*": "traces of executions, which nothing waits for; the laptop has no X-Ray",
    "relearn-*: cloudwatch:PutMetricData *": "SageMaker's own CPU and memory figures; the laptop has no instances",
    "relearn-*-[je][ox]*: s3:ListBucket on *lake*": (
        "SageMaker's guide asks for it on every bucket a job reads; the laptop's jobs fetch what a manifest "
        "names without listing"
    ),
    "DeployRole: sagemaker:CreateModel on *:model-package/*": (
        "SageMaker may ask for it on the package that the model is made of; the service authorization reference "
        "names the model alone, and so does the laptop"
    ),
    "DeployRole: sagemaker:DescribeModelPackage on *": (
        "SageMaker reads the package for whoever makes a model of it, and does not say with whose permission; "
        "the laptop reads it as itself"
    ),
    "BatchesEventsRole: sqs:SendMessage on *": (
        "Lambda's own, for an event that every retry failed with: minutes later, and not on the laptop"
    ),
    "SchedulesRunRole: sqs:SendMessage on *": (
        "Lambda's own, for a call that every retry failed with: minutes later, and not on the laptop"
    ),
    "SchedulesRole: sqs:SendMessage on *": (
        "the scheduler's own, for a call that could not be made for an hour; the laptop's makes it or drops it"
    ),
    "policy of *BatchesDeadLetters*: sqs:SendMessage by events.amazonaws.com": (
        "for an event that could not be delivered to the function for a day; nothing here waits that long"
    ),
    "policy of *accesslogs*: s3:PutObject by logging.s3.amazonaws.com*": (
        "S3's own access logs, delivered within hours; the laptop's S3 writes none"
    ),
}


def reason(name: str) -> str:
    """Give why the grant of this name cannot be caught; empty when it can."""
    return next((why for pattern, why in UNCATCHABLE.items() if fnmatchcase(name, pattern)), "")
