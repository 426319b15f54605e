"""Quotas of the account, found by name, because their codes are not documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cli.checks.finding import Finding, Request
from cli.stage.target import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """One quota.

    Parameters
    ----------
    service, code, name
        Service code, quota code and name in Service Quotas.
    value
        The account's applied value, else AWS's default.
    adjustable
        Whether AWS can raise it on request.
    """

    service: str
    code: str
    name: str
    value: float
    adjustable: bool


@dataclass
class Quotas:
    """The quotas of one service in a target's account and region.

    Parameters
    ----------
    target
        The target.
    service
        Service code.
    """

    target: Target
    service: str
    _client: Any = field(init=False)

    def __post_init__(self) -> None:
        self._client = self.target.client("service-quotas")

    def find(self, pattern: str) -> Quota | None:
        """Return the quota whose whole name matches a regular expression, case-insensitively.

        None when none does.

        The account's applied value precedes AWS's default.
        """
        return _fitting(self._own, pattern) or _fitting(self._default, pattern)

    @cached_property
    def _own(self) -> list[Quota]:
        return list(self._listed("list_service_quotas"))

    @cached_property
    def _default(self) -> list[Quota]:
        return list(self._listed("list_aws_default_service_quotas"))

    def _listed(self, operation: str) -> Iterator[Quota]:
        for page in self._client.get_paginator(operation).paginate(ServiceCode=self.service):
            for one in page["Quotas"]:
                yield Quota(
                    service=self.service,
                    code=one["QuotaCode"],
                    name=one["QuotaName"],
                    value=one.get("Value", 0),
                    adjustable=one.get("Adjustable", False),
                )


def compare(target: Target, quota: Quota, *, check: str, needed: int, why: str, taken: int = 0) -> Finding:
    """Return a finding about whether a quota is large enough, with a request to raise it if not.

    Parameters
    ----------
    target
        The target.
    quota
        The quota.
    check
        Name of the check.
    needed, why
        What the stage needs of the quota, and for what.
    taken
        What others in the account use of it.
    """
    held = f", of which others hold {taken}" if taken else ""
    wanted = needed + taken
    enough = quota.value >= wanted
    request = None if enough or not quota.adjustable else ask_for(target, quota, wanted)
    return Finding(
        check=check,
        status="ok" if enough else "failed",
        found=f"{quota.value:g}{held}",
        needed=f"{needed}: {why}",
        advice="" if enough else advice_on(quota, request),
        request=request,
    )


def ask_for(target: Target, quota: Quota, value: int) -> Request:
    """Return a request to raise a quota to a value."""
    profile = f" --profile {target.session.profile_name}" if target.session.profile_name != "default" else ""
    return Request(
        service=quota.service,
        code=quota.code,
        name=quota.name,
        current=quota.value,
        needed=value,
        command=f"aws service-quotas request-service-quota-increase --service-code {quota.service} "
        f"--quota-code {quota.code} --desired-value {value} --region {target.region}{profile}",
    )


def advice_on(quota: Quota, request: Request | None) -> str:
    """Return advice in words about a quota that is too small; `request` is None when it is not adjustable."""
    about = f'quota "{quota.name}" ({quota.code}) of {quota.service}'
    if request is None:
        return f"AWS does not raise the {about}: deploy fewer models here, or take another region or account"
    return f"request {request.needed} instead of {request.current:g} of the {about}: {request.command}"


def _fitting(quotas: list[Quota], pattern: str) -> Quota | None:
    fitting = (quota for quota in quotas if re.fullmatch(pattern, quota.name, re.IGNORECASE))
    return min(
        fitting, key=lambda quota: len(quota.name), default=None
    )  # the shortest name is the most general quota
