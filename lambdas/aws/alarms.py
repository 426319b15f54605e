"""Reads the CloudWatch alarms that stop a rollout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricAlarmTypeDef


class RaisedAlarm(NamedTuple):
    """An alarm in state ALARM.

    Parameters
    ----------
    name
        Name of the alarm.
    reason
        Reason of the state, as CloudWatch words it.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Alarms:
    """Reads alarms.

    Parameters
    ----------
    client
        A CloudWatch client.
    """

    client: CloudWatchClient

    def raised(self, prefix: str, since: datetime) -> list[RaisedAlarm]:
        """Return the metric alarms whose name starts with ``prefix``, in state ALARM since later than ``since``.

        Parameters
        ----------
        prefix
            Prefix of the alarms' names.
        since
            Aware; an alarm that went to ALARM at or before this time is left out.
        """
        pages = self.client.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=prefix, StateValue="ALARM", AlarmTypes=["MetricAlarm"]
        )
        return [
            RaisedAlarm(alarm["AlarmName"], alarm.get("StateReason", ""))
            for page in pages
            for alarm in page["MetricAlarms"]
            if _went_off(alarm) > since
        ]


def _went_off(alarm: MetricAlarmTypeDef) -> datetime:
    # StateUpdatedTimestamp also changes when the reason is evaluated again; some implementations return no
    # other timestamp.
    return alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
