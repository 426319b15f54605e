"""The role that signs presigned links and forms: who may assume it, and what it may do."""

from __future__ import annotations

from typing import Any

from tests.infra.synthesis import Synthesised, listed, statements, text

SIGN = ("uploads", "batches")
NAME = "relearn-dev-links-<AWS::Region>"


def role_of(dev: Synthesised) -> tuple[str, dict[str, Any]]:
    """The one role that is assumed by roles: its logical id and its properties."""
    (found,) = (
        (logical_id, role["Properties"])
        for logical_id, role in dev.resources("AWS::IAM::Role").items()
        if any(
            "AWS" in one["Principal"] for one in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        )
    )
    return found


def test_the_functions_that_sign_may_assume_it_and_nobody_else(dev: Synthesised) -> None:
    trusts = role_of(dev)[1]["AssumeRolePolicyDocument"]["Statement"]
    arns = [text(arn) for trust in trusts for arn in listed(trust["Principal"]["AWS"])]
    assert sorted(arns) == sorted(f"<{dev.function(name)['Role']['Fn::GetAtt'][0]}.Arn>" for name in SIGN)
    for trust in trusts:
        assert set(trust["Principal"]) == {"AWS"}
        assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")
        assert trust["Condition"] == {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}}


def test_it_may_do_what_links_and_forms_need_and_no_more(dev: Synthesised) -> None:
    logical_id = role_of(dev)[0]
    allowed = [
        (listed(statement["Action"]), text(resource).rpartition(">/")[2])
        for owner, statement in statements(dev)
        if owner == logical_id
        for resource in listed(statement["Resource"])
    ]
    assert sorted(allowed) == [
        (["s3:GetObject"], "batches/*"),
        (["s3:PutObject"], "batches/*"),
        (["s3:PutObject"], "incoming/*"),
    ]


def test_no_role_needs_a_permission_to_assume_it(
    dev: Synthesised,
) -> None:
    """Within an account the trust policy is enough: AssumeRole, AWS STS API Reference."""
    assert not [role for role, one in statements(dev) if "sts:AssumeRole" in listed(one["Action"])]


def test_the_functions_that_sign_are_told_its_arn_and_come_after_it(dev: Synthesised) -> None:
    logical_id, role = role_of(dev)
    assert text(role["RoleName"]) == NAME
    told = {name: text(dev.function(name)["Environment"]["Variables"]["LINKS_ROLE"]) for name in SIGN}
    assert set(told.values()) == {f"arn:<AWS::Partition>:iam::<AWS::AccountId>:role/{NAME}"}
    functions = dev.resources("AWS::Lambda::Function", "Serving").values()
    after = [one for one in functions if logical_id in one.get("DependsOn", [])]
    assert {one["Properties"]["Handler"].split(".")[2] for one in after} == set(SIGN)


def test_its_sessions_last_an_hour(dev: Synthesised) -> None:
    """The default, and the most that a role gets that assumes another: "Methods to assume a role", IAM User Guide."""
    assert "MaxSessionDuration" not in role_of(dev)[1]
