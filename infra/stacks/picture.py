"""Diagram of a run, drawn from the synthesised state machine: `docs/concepts/RUN.md`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App

from infra.base import staging
from infra.base.settings import DEFAULT_STAGE, load_settings
from infra.stacks import stage
from infra.workflow.training_job import THERE_ALREADY
from relearn.errors import ConfigError
from training import catalog

PAGE = staging.ROOT / "docs" / "concepts" / "RUN.md"
"""Page with the diagram."""
_CAUGHT = {"States.Timeout": "its time is up", THERE_ALREADY: "it is there already"}
"""Error to its words in the diagram."""
MACHINE = "AWS::StepFunctions::StateMachine"
_FENCE = ("```mermaid\n", "```\n")
_WORDS = {
    "StringEquals": "is {}",
    "BooleanEquals": "is {}",
    "IsPresent": "is there: {}",
}
"""Comparison operator of Amazon States Language to its words in the diagram."""


def mermaid(definition: Mapping[str, Any]) -> str:
    """Draw a state machine as a Mermaid state diagram.

    The step that handles the errors of nearly every step is connected by a note, because arrows from each
    would hide the rest.

    Parameters
    ----------
    definition
        Definition in Amazon States Language.
    """
    states: Mapping[str, Any] = definition["States"]
    ids = {name: f"s{number}" for number, name in enumerate(sorted(states))}
    lines = ["stateDiagram-v2", "    direction TB"]
    lines += [f'    state "{name}" as {ids[name]}' for name in sorted(states)]
    lines.append(f"    [*] --> {ids[definition['StartAt']]}")
    failure = _failure(states)
    for name in sorted(states):
        lines += [f"    {ids[name]} --> {arrow}" for arrow in _arrows(states[name], ids, failure)]
    if failure:
        caught = sorted(name for name, state in states.items() if failure in _caught(state))
        lines.append(f"    note right of {ids[failure]} : an error of {', '.join(caught)}")
    return "\n".join(lines) + "\n"


def definition_of(template: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the definition of a state machine in a template.

    Parameters
    ----------
    template
        CloudFormation template.
    name
        End of the machine's name.

    Raises
    ------
    ConfigError
        The template has no such machine.
    """
    for resource in template["Resources"].values():
        if resource["Type"] == MACHINE and resource["Properties"]["StateMachineName"].endswith(name):
            parsed: dict[str, Any] = json.loads(_text(resource["Properties"]["DefinitionString"]))
            return parsed
    raise ConfigError("name", name, "the end of a state machine's name in the template")


def with_picture(page: str, picture: str) -> str:
    """Return a page with its diagram replaced by ``picture``."""
    before, start, rest = page.partition(_FENCE[0])
    _, end, after = rest.partition(_FENCE[1])
    return before + start + picture + end + after


def drawn() -> str:
    """Synthesise the default stage, and return the diagram of its runs."""
    with tempfile.TemporaryDirectory(prefix="picture-") as folder:
        context = json.loads((staging.ROOT / "cdk.json").read_text("utf-8"))["context"]
        app = App(context={**context, "stage": DEFAULT_STAGE}, outdir=folder)
        stage.build(app, settings=load_settings(app.node.try_get_context), specs=catalog.load())
        app.synth()
        templates = [
            json.loads(path.read_text("utf-8")) for path in Path(folder).glob("Training*.template.json")
        ]
    return mermaid(definition_of(templates[0], "-retrain"))


def _caught(state: Mapping[str, Any]) -> list[str]:
    return [catch["Next"] for catch in state.get("Catch", ())]


def _failure(states: Mapping[str, Any]) -> str:
    """Return the state that most errors lead to; empty when there is none."""
    found = Counter(name for state in states.values() for name in _caught(state))
    return found.most_common(1)[0][0] if found else ""


def _arrows(state: Mapping[str, Any], ids: Mapping[str, str], failure: str) -> Iterator[str]:
    for choice in state.get("Choices", ()):
        yield f"{ids[choice['Next']]}: {_condition(choice)}"
    if "Default" in state:
        yield f"{ids[state['Default']]}: else"
    if "Next" in state:
        yield ids[state["Next"]]
    for catch in state.get("Catch", ()):
        if catch["Next"] != failure:
            told = _CAUGHT.get(catch["ErrorEquals"][0], "an error")
            yield f"{ids[catch['Next']]}: {told}"
    if state["Type"] in ("Succeed", "Fail"):
        yield "[*]"


def _condition(choice: Mapping[str, Any]) -> str:
    operator = next(key for key in choice if key not in ("Variable", "Next"))
    path = str(choice["Variable"]).removeprefix("$.")
    return f"{path} {_WORDS[operator].format(json.dumps(choice[operator]).strip(chr(34)))}"


def _text(value: Any) -> str:
    """Return the text of a template's value, with references in angle brackets."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_text(part) for part in parts)
        case str():
            return value
        case _:
            return "<" + json.dumps(value).replace('"', "'") + ">"


if __name__ == "__main__":
    sys.stdout.write(with_picture(PAGE.read_text("utf-8"), drawn()))
