"""EventBridge, SNS and alarms deliver only where a role or resource policy allows it."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import logging
from typing import Any

from ministack.services import cloudwatch, eventbridge, sns

from local import principals

_EVENTS = "events.amazonaws.com"
_SCHEDULER = "scheduler.amazonaws.com"
_SNS = "sns.amazonaws.com"
_ALARMS = "cloudwatch.amazonaws.com"
_ALARM_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
_ACTIONS = {
    "states": "states:StartExecution",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "events": "events:PutEvents",
}
_log = logging.getLogger("local.events")


def require_target_permissions() -> None:
    """Drop an event whose target does not admit the rule.

    MiniStack delivers to every target. On AWS a target with a role (always for a state machine and for a
    schedule of EventBridge Scheduler) needs a role that allows the call; a function, queue or topic needs a
    resource policy that names the service and the rule. A refused delivery counts as a FailedInvocation and
    has no other effect.
    """
    deliver = eventbridge._invoke_target

    def checked(
        target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None
    ) -> None:
        if _admitted(target, rule):
            deliver(target, event, rule, view)
        else:
            _log.warning("%s may not deliver to %s", rule.get("Arn"), target.get("Arn"))

    eventbridge._invoke_target = checked


def _admitted(target: dict[str, Any], rule: dict[str, Any]) -> bool:
    target_arn, rule_arn, role_arn = target["Arn"], rule.get("Arn", ""), target.get("RoleArn")
    service = target_arn.split(":")[2]
    if role_arn:
        principal = _SCHEDULER if ":scheduler:" in rule_arn else _EVENTS
        return principals.role_allows(
            role_arn, principal, _ACTIONS.get(service, "lambda:InvokeFunction"), target_arn
        )
    if service == "lambda":
        return principals.function_admits(target_arn, _EVENTS, rule_arn)
    if service == "sqs":
        return principals.queue_admits(target_arn, _EVENTS, rule_arn)
    if service == "sns":
        return principals.topic_admits(target_arn, _EVENTS, rule_arn)
    return service not in _ACTIONS


def require_topic_subscriptions_permission() -> None:
    """Let a topic invoke a function only when the function's policy admits it.

    MiniStack checks the policy of a subscribed queue, but not of a subscribed function.
    """
    deliver = sns._deliver_to_lambda

    def checked(endpoint: str, envelope: str, topic_arn: str, *rest: Any) -> None:
        if principals.function_admits(endpoint, _SNS, topic_arn):
            deliver(endpoint, envelope, topic_arn, *rest)
        else:
            _log.warning("%s may not invoke %s", topic_arn, endpoint)

    sns._deliver_to_lambda = checked


def require_alarm_permission() -> None:
    """Let an alarm notify a topic only when the topic's policy admits it.

    MiniStack publishes for every alarm. On AWS the topic's policy must let ``cloudwatch.amazonaws.com``
    publish for the alarm; otherwise no notification is sent.
    """
    dispatch = cloudwatch._dispatch_alarm_actions

    def checked(alarm: dict[str, Any], *rest: Any) -> None:
        arn = alarm.get("AlarmArn", "")
        admitted = {
            key: [action for action in alarm.get(key) or [] if _may_tell(arn, action)]
            for key in _ALARM_ACTIONS
        }
        dispatch({**alarm, **admitted}, *rest)

    cloudwatch._dispatch_alarm_actions = checked


def _may_tell(alarm_arn: str, action: str) -> bool:
    if action.split(":")[2:3] != ["sns"] or principals.topic_admits(action, _ALARMS, alarm_arn):
        return True
    _log.warning("%s may not publish to %s", alarm_arn, action)
    return False
