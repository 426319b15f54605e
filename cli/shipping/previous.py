"""The templates of a stage before a deployment, and the way back to them.

A template names everything that it deploys: the code by the hashes of objects in the assets bucket, the image by its
digest or tag. Both stay in the account. So the templates of yesterday are the stage of yesterday, and CloudFormation
has them: `GetTemplate` returns what was submitted. They are kept as a cloud assembly, which the CDK command deploys
with the same roles as any other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cli.shipping import bootstrap
from cli.shipping.programs import show
from cli.stage.target import Target
from relearn.errors import RelearnError
from relearn.naming import resources

PARTS = ("data", "training", "serving", "monitoring", "ci")
"""Parts of every stage, each a stack; what uses another one's exports comes after it."""
MODEL_STACKS = "ModelStacks"
"""Output of the training stack with the number of stacks that hold its models' own resources; none: no other."""
ROOT = Path(__file__).resolve().parents[2]
_VERSION = "36.0.0"
"""Version of the assembly's schema: everything in it is older than that."""
_OWN = "${AWS::AccountId}-${AWS::Region}"
_BUCKET = f"cdk-{bootstrap.QUALIFIER}-assets-{_OWN}"
_MISSING = "ValidationError"


def _role(part: str) -> str:
    return (
        f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/cdk-{bootstrap.QUALIFIER}-{part}-role-{_OWN}"
    )


def keep(target: Target, folder: Path) -> list[str]:
    """Write the deployed templates of a stage as a cloud assembly.

    Parameters
    ----------
    folder
        Where it goes; what is there already is replaced.

    Returns
    -------
    list of str
        Names of the stacks, none when the stage is not deployed.
    """
    found = _deployed(target)
    folder.mkdir(parents=True, exist_ok=True)
    artifacts: dict[str, Any] = {}
    for name, (stack, template) in found.items():
        (folder / f"{name}.template.json").write_text(template, encoding="utf-8")
        key = f"{hashlib.sha256(template.encode()).hexdigest()}.json"
        (folder / f"{name}.assets.json").write_text(json.dumps(_assets(name, key)), encoding="utf-8")
        artifacts[f"{name}.assets"] = {
            "type": "cdk:asset-manifest",
            "properties": {"file": f"{name}.assets.json"},
        }
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "environment": "aws://unknown-account/unknown-region",
            "properties": {
                "stackName": name,
                "templateFile": f"{name}.template.json",
                "terminationProtection": stack.get("EnableTerminationProtection", False),
                "assumeRoleArn": _role("deploy"),
                "cloudFormationExecutionRoleArn": stack.get("RoleARN") or _role("cfn-exec"),
                "stackTemplateAssetObjectUrl": f"s3://{_BUCKET}/{key}",
                "tags": {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])},
            },
            "dependencies": [f"{name}.assets"],
        }
    (folder / "manifest.json").write_text(
        json.dumps({"version": _VERSION, "artifacts": artifacts}), encoding="utf-8"
    )
    return list(found)


def put_back(
    target: Target,
    folder: Path,
    *,
    say: Callable[[str], None],
    deploy: Callable[[Path, str], bool] | None = None,
) -> list[str]:
    """Deploy the templates that were kept, and check that they are the deployed ones.

    What uses an export goes first, because a new stack may use one that the old producer lacks. Where an old stack
    uses one that the new producer lacks, it fails, is left as it is by CloudFormation, and is tried again after the
    others; so the order that is needed is found whatever was added and removed.

    Parameters
    ----------
    folder
        What `keep` wrote.
    say
        Receives lines of progress.
    deploy
        Deploys one stack of an assembly, and returns whether it succeeded; None: by the CDK command.

    Returns
    -------
    list of str
        Names of the stacks.

    Raises
    ------
    RelearnError
        When nothing was kept, or a stack cannot be put back.
    """
    manifest = folder / "manifest.json"
    if not manifest.exists():
        raise RelearnError(f"{folder} has no templates: nothing was kept before the deployment")
    names = [
        name
        for name, one in json.loads(manifest.read_text(encoding="utf-8"))["artifacts"].items()
        if "stack" in one["type"]
    ]
    if not names:
        raise RelearnError(f"stage {target.stage} was not deployed before: there is nothing to put back")
    left = list(reversed(names))
    while left:
        failed = [name for name in left if not (deploy or _deploy)(folder, name)]
        if len(failed) == len(left):
            raise RelearnError(f"these stacks could not be put back: {', '.join(failed)}")
        if failed:
            say(f"tried again, after the others: {', '.join(failed)}")
        left = failed
    _check(target, folder, names)
    return names


def _check(target: Target, folder: Path, names: Sequence[str]) -> None:
    deployed = _deployed(target)
    for name in names:
        kept = (folder / f"{name}.template.json").read_text(encoding="utf-8")
        if name not in deployed or json.loads(deployed[name][1]) != json.loads(kept):
            raise RelearnError(f"stack {name} does not have the template of before")


def _deploy(folder: Path, stack: str) -> bool:
    cdk = ROOT / "node_modules" / ".bin" / "cdk"
    return show([
        str(cdk), "deploy", stack, "--exclusively", "--app", str(folder), "--require-approval", "never",
        "--no-notices", "--progress", "events",
    ])  # fmt: skip


def _deployed(target: Target) -> Mapping[str, tuple[Mapping[str, Any], str]]:
    """Return stack and template of every part of the stage that is deployed, by the stack's name."""
    session, _ = bootstrap.session(target, "deploy")
    client = session.client("cloudformation", endpoint_url=target.endpoint_url)
    found = {part: stack for part in PARTS if (stack := _stack(client, target.stage, part))}
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("training", {}).get("Outputs", [])}
    models = resources.model_parts(int(outputs.get(MODEL_STACKS, 1)))
    found |= {part: stack for part in models if (stack := _stack(client, target.stage, part))}
    return {
        found[part]["StackName"]: (found[part], _template(client, found[part]["StackName"]))
        for part in (PARTS[0], *models, *PARTS[1:])
        if part in found
    }


def _stack(client: Any, stage: str, part: str) -> Mapping[str, Any] | None:
    try:
        (stack,) = client.describe_stacks(StackName=resources.stack(stage, part))["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != _MISSING:
            raise
        return None
    found: Mapping[str, Any] = stack
    return found


def _template(client: Any, name: str) -> str:
    body: Any = client.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
    return body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def _assets(name: str, key: str) -> Mapping[str, Any]:
    place = {"bucketName": _BUCKET, "objectKey": key, "assumeRoleArn": _role("file-publishing")}
    source = {"path": f"{name}.template.json", "packaging": "file"}
    return {
        "version": _VERSION,
        "files": {key.partition(".")[0]: {"source": source, "destinations": {"own": place}}},
    }
