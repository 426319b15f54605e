"""Stores that must not be lost: uploads, lake, artifacts and ledger; and the topic of notifications."""

from __future__ import annotations

from aws_cdk import CfnOutput
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.base import grants, stores
from infra.base.settings import Settings
from infra.base.stack import StageStack
from relearn.naming import resources, s3_keys


class DataStack(StageStack):
    """Buckets, ledger and topic of a stage.

    Attributes
    ----------
    stores
        Resources that other stacks use.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope, construct_id, settings=settings, part="data", about="uploads, lake, artifacts, ledger"
        )
        access_logs = stores.access_log_bucket(self, "AccessLogs")
        sent = stores.pages(settings.cors_origins, s3.HttpMethods.POST)
        fetched = stores.pages(settings.cors_origins, s3.HttpMethods.GET)
        self.stores = stores.Stores(
            uploads=stores.data_bucket(self, "Uploads", access_logs=access_logs, events=True, cors=sent),
            lake=stores.data_bucket(
                self,
                "Lake",
                access_logs=access_logs,
                cors=fetched,
                made_again=[s3_keys.FEATURES, s3_keys.SPARK],
            ),
            artifacts=stores.data_bucket(self, "Artifacts", access_logs=access_logs),
            ledger=stores.ledger(self, "Ledger", protect=settings.protect),
            online=stores.online(self, "Online", protect=settings.protect),
            topic=stores.notifications(
                self, "Notifications", alarms=self._alarms(settings.stage), email=settings.alarm_email
            ),
        )
        for name, value in {
            "UploadsBucket": self.stores.uploads.bucket_name,
            "LakeBucket": self.stores.lake.bucket_name,
            "ArtifactsBucket": self.stores.artifacts.bucket_name,
            "LedgerTable": self.stores.ledger.table_name,
            "OnlineTable": self.stores.online.table_name,
            "NotificationsTopic": self.stores.topic.topic_arn,
        }.items():
            CfnOutput(self, name, value=value)

    def _alarms(self, stage: str) -> list[str]:
        """Return the ARN patterns of the stage's alarms.

        CloudFormation names alarms after the monitoring stack; guards, users' own among them, have explicit names.
        """
        names = (f"{resources.stack(stage, 'monitoring')}-*", f"{resources.guard(stage, '*')}*")
        return [grants.alarm(self, name) for name in names]
