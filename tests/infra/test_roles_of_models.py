"""What SageMaker does for a model is done with that model's roles, which reach nothing that is of another model.

The policies of the templates are asked of the evaluator that decides on the laptop, MiniStack's.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any, NamedTuple

import pytest
from ministack.core import iam_evaluator

from infra.base import limits, staging
from relearn.naming import s3_keys
from relearn.spec.hosting import InLambda
from relearn.spec.model import on_spark
from tests.infra.synthesis import Synthesised, listed, statements, text
from training import catalog

MODELS = sorted(catalog.load())
KINDS = ("job", "exp", "endpoint")
READ, WRITE, LIST = "s3:GetObject", "s3:PutObject", "s3:ListBucket"
NAME = re.compile(r"relearn-dev-(job|exp|endpoint)-<AWS::Region>-(.+)")


class Role(NamedTuple):
    """A role of a template, as the evaluator takes it."""

    name: str
    policies: Any

    def may(self, action: str, bucket: str, key: str) -> bool:
        """Tell whether it may do this to an object, or list what is below ``key``."""
        listing = action == LIST
        asked = iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:iam::123456789012:role/{self.name}",
            principal_type="AssumedRole",
            principal_account="123456789012",
            action=action,
            resource_arn=f"arn:aws:s3:::{bucket}" if listing else f"arn:aws:s3:::{bucket}/{key}",
            region="us-east-1",
            service_context={"s3:prefix": key} if listing else {},
        )
        return bool(iam_evaluator.evaluate(asked, self.policies).decision == "Allow")


def bucket_named(resource: str) -> str:
    """Write a bucket's ARN as AWS would, with what the bucket is for as its name."""
    return re.sub(
        r"^<[^>]*?(Lake|Artifacts|Uploads)[0-9A-F]{8}[^>]*>", lambda m: f"arn:aws:s3:::{m[1]}", resource
    )


def roles(stage: Synthesised) -> dict[tuple[str, str], Role]:
    """Kind and model to role."""
    found = {}
    for role in stage.properties("AWS::IAM::Role", "Training"):
        named = NAME.fullmatch(text(role.get("RoleName", "")))
        if named:
            document = deepcopy(role["Policies"][0]["PolicyDocument"])
            for statement in document["Statement"]:
                statement["Resource"] = [bucket_named(text(one)) for one in listed(statement["Resource"])]
            found[named[1], named[2]] = Role(named[0], [iam_evaluator.parse_policy_document(document)])
    return found


def objects_of(model: str) -> list[tuple[str, str]]:
    """Bucket and key of one object of every kind that is of a model."""
    lake = [
        s3_keys.shard_key(model, "upload"),
        s3_keys.profile_key(model, "upload"),
        s3_keys.rejected_key(model, "upload"),
        s3_keys.snapshot_key(model, "run"),
        s3_keys.online_key(model, "run"),
        s3_keys.spark_prefix(model, "run") + "part-0.parquet",
        s3_keys.data_report_key(model, "run"),
        s3_keys.batch_input_key(model, "batch"),
        s3_keys.batch_output_key(model, "batch"),
    ]
    artifacts = [f"{s3_keys.artifact_prefix(model)}/job/output/model.tar.gz"]
    artifacts += [f"{s3_keys.experiment_prefix(model)}/job/output/model.tar.gz"]
    uploads = [s3_keys.incoming_prefix(model) + "rows.csv", s3_keys.batch_input_key(model, "batch")]
    kinds = {"Lake": lake, "Artifacts": artifacts, "Uploads": uploads}
    return [(bucket, key) for bucket, keys in kinds.items() for key in keys]


@pytest.fixture(scope="module")
def found(spark: Synthesised) -> dict[tuple[str, str], Role]:
    """The roles of a stage on Spark, where jobs may do the most."""
    return roles(spark)


def test_every_model_has_a_role_of_each_kind(found: dict[tuple[str, str], Role]) -> None:
    assert set(found) == {(kind, model) for kind in KINDS for model in MODELS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_models_role_reads_writes_and_lists_nothing_of_another_model(
    found: dict[tuple[str, str], Role], kind: str
) -> None:
    reached = [
        (role.name, action, bucket, key)
        for own in MODELS
        for other in {*MODELS, f"{own}2", f"{own}-2"} - {own}
        for role in [found[kind, own]]
        for bucket, key in objects_of(other)
        for action in (READ, WRITE, "s3:DeleteObject", LIST)
        if role.may(action, bucket, key)
    ]
    assert reached == []


def test_a_models_role_lists_no_folder_that_all_models_share(found: dict[tuple[str, str], Role]) -> None:
    folders = {(bucket, key.partition("/")[0] + "/") for bucket, key in objects_of("iris")} | {
        (bucket, "") for bucket in ("Lake", "Artifacts", "Uploads")
    }
    assert [r.name for r in found.values() for bucket, folder in folders if r.may(LIST, bucket, folder)] == []


@pytest.mark.parametrize(
    ("kind", "reads", "writes"),
    [
        ("job", {"datasets", "snapshots", "features", "models", "spark"}, {"features", "models"}),
        ("exp", {"datasets", "snapshots", "models"}, {"experiments"}),
        ("endpoint", {"models", "batches"}, {"batches"}),
    ],
)
def test_a_models_role_does_its_work_on_what_is_of_the_model(
    found: dict[tuple[str, str], Role], kind: str, reads: set[str], writes: set[str]
) -> None:
    for model in MODELS:
        role, stored = found[kind, model], objects_of(model)
        spark = on_spark(catalog.get(model), "spark")
        expected = reads if spark else reads - {"spark"}
        assert {k.partition("/")[0] for b, k in stored if role.may(READ, b, k)} == expected, role.name
        assert {k.partition("/")[0] for b, k in stored if role.may(WRITE, b, k)} == writes, role.name
        assert not any(role.may(action, "Uploads", key) for action in (READ, WRITE) for _, key in stored)


def test_a_run_trains_with_its_models_role(dev: Synthesised) -> None:
    job = json.loads(text(dev.machine("retrain")["DefinitionString"]))["States"]["Train"]["Parameters"]
    named = re.fullmatch(r"States\.Format\('(arn:.*):role/(.*)\{\}', \$\.model\)", job["RoleArn.$"])
    assert named
    assert {f"{named[2]}{model}" for model in MODELS} == {
        role.name for (kind, _), role in roles(dev).items() if kind == "job"
    }
    assert passed(dev, dev.machine("retrain")["RoleArn"]) == [f"{named[1]}:role/{named[2]}*"]


def test_deploy_makes_what_is_served_with_its_models_role(dev: Synthesised) -> None:
    deploy = dev.function("deploy")
    prefix = text(deploy["Environment"]["Variables"]["ENDPOINT_ROLES"])
    assert {f"{prefix.partition(':role/')[2]}{model}" for model in MODELS} == {
        role.name for (kind, _), role in roles(dev).items() if kind == "endpoint"
    }
    assert passed(dev, deploy["Role"]) == [f"{prefix}*"]


def test_experiments_are_told_their_models_role(dev: Synthesised) -> None:
    prefix = text(dev.templates["Training"]["Outputs"]["ExperimentRoles"]["Value"]).partition(":role/")[2]
    assert {f"{prefix}{model}" for model in MODELS} == {
        role.name for (kind, _), role in roles(dev).items() if kind == "exp"
    }


def test_roles_are_there_before_what_names_them(dev: Synthesised) -> None:
    resources = dev.templates["Training"]["Resources"]
    for user, kind in (("DeployFunction", "RolesEndpoint"), ("Retrain8C99BF17", "RolesJob")):
        (after,) = (r["DependsOn"] for k, r in resources.items() if k.startswith(user))
        assert {k for k in resources if k.startswith(kind)} <= set(after)


def test_the_role_that_older_endpoints_have_is_kept_and_passed_to_no_new_one(dev: Synthesised) -> None:
    """SageMaker's models name their role for good: without it those that serve would not scale any more."""
    kept = [k for k in dev.resources("AWS::IAM::Role", "Training") if k.startswith("EndpointRole")]
    assert kept == ["EndpointRole1A3BA5E6"]
    assert "EndpointRole" not in str([s for _, s in statements(dev) if "iam:PassRole" in listed(s["Action"])])


def test_the_documents_say_how_many_models_a_stage_holds_in_lambda(dev: Synthesised) -> None:
    """By what each adds to serving: nine resources; tests/limits holds the other figures."""
    in_lambda = sum(isinstance(spec.hosting, InLambda) for spec in catalog.load().values())
    serving = len(dev.templates["Serving"]["Resources"]) - 9 * in_lambda
    said = " ".join((staging.ROOT / "docs" / "concepts" / "ARCHITECTURE.md").read_text().split())
    assert f"and {(limits.RESOURCES - serving) // 9} if all answer in Lambda" in said


def passed(stage: Synthesised, role: Any) -> list[str]:
    """Name what a role may pass."""
    return [
        text(resource)
        for owner, statement in statements(stage)
        if owner == role["Fn::GetAtt"][0] and "iam:PassRole" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
