"""The app, synthesised in this process: templates as plain data, and what to ask of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aws_cdk import App

from infra.base import staging
from infra.base.settings import Settings, load_settings
from infra.stacks import stage as stages
from training import catalog

Resource = dict[str, Any]
PARTS = ("Data", "Training", "Serving", "Monitoring")
CONTEXT: dict[str, Any] = json.loads((staging.ROOT / "cdk.json").read_text())["context"]


@dataclass(frozen=True)
class Synthesised:
    """One stage's templates.

    ``app`` is kept for what looks at the construct tree; ``folder`` is its cdk.out.
    """

    app: App
    settings: Settings
    folder: Path
    templates: Mapping[str, dict[str, Any]]

    def resources(self, kind: str, *parts: str) -> dict[str, Resource]:
        """Logical id to resource, of one type; in all stacks, or in some."""
        return {
            logical_id: resource
            for part in parts or self.templates
            for logical_id, resource in self.templates[part]["Resources"].items()
            if resource["Type"] == kind
        }

    def properties(self, kind: str, *parts: str) -> list[dict[str, Any]]:
        return [resource["Properties"] for resource in self.resources(kind, *parts).values()]

    def function(self, name: str) -> dict[str, Any]:
        """Properties of the function whose handler is in ``lambdas/<name>.py``."""
        handler = f"lambdas.handlers.{name}.handler"
        (found,) = (p for p in self.properties("AWS::Lambda::Function") if p["Handler"] == handler)
        return found

    def host(self, model: str) -> dict[str, Any]:
        """Properties of the host of a model."""
        found = self.properties("AWS::Lambda::Function")
        return next(p for p in found if p["FunctionName"].endswith(f"-host-{model}"))

    def machine(self, name: str) -> dict[str, Any]:
        """Properties of a state machine, by the end of its name."""
        found = self.properties("AWS::StepFunctions::StateMachine")
        return next(one for one in found if one["StateMachineName"].endswith(f"-{name}"))

    def asset(self, name: str) -> Path:
        """The staged folder that has ``name`` in it, e.g. ``lambdas``."""
        (found,) = (path for path in self.folder.glob("asset.*") if (path / name).exists())
        return found


def synthesise(
    folder: Path,
    stage: str,
    models: Sequence[str] = (),
    *,
    specs: Mapping[str, Mapping[str, Any]] | None = None,
    **changes: Any,
) -> Synthesised:
    """Synthesise a stage of cdk.json, with all models or some.

    ``specs`` holds, by model, what its spec says otherwise; ``changes`` are settings that differ.
    """
    chosen = {**CONTEXT["relearn"]["stages"][stage], **changes}
    context = {**CONTEXT, "stage": stage, "relearn": {"stages": {stage: chosen}}}
    # CDK's own check of templates takes half of the time; cfn-lint finds more, and `cdk synth` runs it before every test.
    app = App(context=context, outdir=str(folder), builtin_cloud_formation_validation=False)
    settings = load_settings(app.node.try_get_context)
    chosen_specs = {
        name: replace(spec, **(specs or {}).get(name, {}))
        for name, spec in catalog.load().items()
        if not models or name in models
    }
    stages.build(app, settings=settings, specs=chosen_specs)
    app.synth()
    found = {path.name.split(".")[0]: path for path in folder.glob("*.template.json")}
    return Synthesised(
        app=app,
        settings=settings,
        folder=folder,
        templates={part: json.loads(path.read_text()) for part, path in sorted(found.items())},
    )


def listed(value: Any) -> list[Any]:
    """What IAM takes as one or many, as many."""
    return value if isinstance(value, list) else [value]


def statements(synthesised: Synthesised) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every role: the role's logical id and the statement."""
    for logical_id, role in synthesised.resources("AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield logical_id, statement


_WRITTEN: dict[str, Callable[[Any], str]] = {
    "Ref": lambda name: f"<{name}>",
    "Fn::GetAtt": lambda path: f"<{'.'.join(path)}>",
    "Fn::ImportValue": lambda name: f"<{name}>",
    "Fn::Sub": lambda template: str(template).replace("${", "<").replace("}", ">"),
    "Fn::Join": lambda joined: str(joined[0]).join(text(part) for part in joined[1]),
}


def text(value: Any) -> str:
    """A value of a template as one searchable line."""
    if isinstance(value, dict) and len(value) == 1:
        ((function, argument),) = value.items()
        if function in _WRITTEN:
            return _WRITTEN[function](argument)
    return value if isinstance(value, str) else json.dumps(value)
