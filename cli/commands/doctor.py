"""``relearn doctor``: check whether an account and region can take a stage, and which quotas to raise if not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Annotated

import typer

from cli.checks import account, endpoints, functions, image, jobs, needs, regions, stage
from cli.checks.finding import Finding, asked
from cli.stage import target as targets
from cli.stage.target import Target
from cli.terminal.errors import FAILED
from cli.terminal.options import Json
from cli.terminal.output import note, out, print_json, state
from relearn.spec.model import ModelSpec
from training import catalog

WIDTH = len("unknown")


def doctor(
    ctx: typer.Context,
    *,
    models: Annotated[
        list[str] | None,
        typer.Option("--models", metavar="NAME", help="Only for this model; may be repeated. None: all."),
    ] = None,
    json_: Json = False,
) -> None:
    """Check before a deployment that the account and region have what the models need."""
    target = targets.of(ctx)
    specs = {name: catalog.get(name) for name in models} if models else _of_stage(target.stage)
    found = []
    for finding in examine(target, specs):
        found.append(finding)
        if not json_:
            _print(finding)
    if json_:
        print_json([asdict(finding) for finding in found])
    elif target.endpoint_url is not None:
        note("The laptop has no quotas, and every region: nothing else is to be checked.")
    if any(finding.status == "failed" for finding in found):
        raise typer.Exit(FAILED)


def _of_stage(name: str) -> dict[str, ModelSpec]:
    """Return the specs of a stage's models, sandbox models included where it has them."""
    return catalog.load() | (catalog.load_sandbox() if stage.load_settings(name).verify else {})


def examine(target: Target, specs: Mapping[str, ModelSpec]) -> Iterator[Finding]:
    """Run all checks in order and yield their findings; on the laptop cloud only identity, bootstrap and image."""
    settings = stage.load_settings(target.stage)
    who, number = account.identity(target)
    yield who
    if number is None:
        return
    yield from asked("CDK bootstrap", lambda: account.bootstrap(target, number))
    if target.endpoint_url is not None:
        yield from asked(image.MANIFEST, lambda: image.deployed(target))
        return
    wanted = needs.of(specs, settings.features_engine)
    yield from account.place(target, settings, number)
    yield from regions.services(target, wanted)
    yield from asked("serverless endpoints", lambda: endpoints.serverless(target, wanted))
    yield from asked("instances for endpoints", lambda: endpoints.instances(target, wanted))
    yield from asked("instances for jobs", lambda: jobs.instances(target, wanted))
    yield from asked("Lambda concurrency", lambda: functions.concurrency(target, settings))
    yield from asked("Lambda memory", lambda: functions.memory(target, wanted))
    yield from asked(image.MANIFEST, lambda: image.deployed(target))


def _print(finding: Finding) -> None:
    needed = f"; needed: {finding.needed}" if finding.needed else ""
    head = state(finding.status)
    head.pad_right(WIDTH - len(finding.status))
    out.print(head, f" {finding.check}: {finding.found}{needed}", sep="")
    if finding.advice:
        out.print(f"{'':{WIDTH}} → {finding.advice}")
