"""Record requests with the candidate's answers, which a deployed version has to reproduce in its smoke test.

A well-formed answer says little about an endpoint; the recorded answer proves that it serves the evaluated
model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from relearn.errors import ArtifactError
from relearn.traffic import version_stats
from scoring.app import App
from scoring.artifact import Artifact

ROWS = 20
"""Most recorded answers in the file."""
LARGEST = 200_000
"""Largest size of the file, in bytes."""
FILE = "answers.jsonl"
_OK, _INTERNAL_SERVER_ERROR = 200, 500


def write(folder: Path, made: Artifact, instances: Sequence[Mapping[str, Any]]) -> None:
    """Score instances as the server would, and write each instance with its prediction, one pair per line.

    Where the model was fitted again, the prediction of its twin is beside it.

    Parameters
    ----------
    folder
        Folder of the job's output data.
    made
        Artifact of the candidate.
    instances
        Instances to send; those that are not answered with 200 are left out.

    Raises
    ------
    ArtifactError
        The model fails at an instance; the message has its number and columns, but no values.
    """
    apps, rows, size = [App(one, None) for one in _models(made)], 0, 0
    with (folder / FILE).open("wb") as file:
        for number, instance in enumerate(instances, 1):
            request = json.dumps({"instances": [instance]}).encode()
            answers = [app.invocation(request) for app in apps]
            if any(status >= _INTERNAL_SERVER_ERROR for status, _ in answers):
                raise ArtifactError(  # without the values: a reason is read by more people than a snapshot is
                    f"the model fails at held-out row {number} of the {len(instances)} that it is asked, which has "
                    f"{', '.join(instance)}; the job's log has the traceback"
                )
            if any(status != _OK for status, _ in answers):
                continue
            given = [json.loads(body)["predictions"][0] for _, body in answers]
            pair = {"instance": instance} | dict(zip(("prediction", "twin"), given, strict=False))
            line = json.dumps(pair, ensure_ascii=False).encode() + b"\n"
            rows, size = rows + 1, size + len(line)
            if rows > ROWS or size > LARGEST:
                return
            file.write(line)


def statistics(made: Artifact, instances: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the statistics of the twin's answers, which those of the deployed version are held against.

    Parameters
    ----------
    made
        Artifact of the candidate.
    instances
        Instances to score; those that are not answered with 200 are left out.

    Returns
    -------
    dict or None
        ``answers``, ``rows``, ``total`` and ``squares`` of `relearn.traffic.version_stats.Live`; None without a
        twin.
    """
    if made.twin is None:
        return None
    app = App(made.judged(), None)
    given = [app.invocation(json.dumps({"instances": [instance]}).encode()) for instance in instances]
    predictions = [json.loads(body)["predictions"][0] for status, body in given if status == _OK]
    found = asdict(version_stats.counted(predictions, 0.0))
    return {name: found[name] for name in version_stats.ANSWERS}


def _models(made: Artifact) -> list[Artifact]:
    """Return the model that serves, and its twin if it has one."""
    return [made] if made.twin is None else [made, made.judged()]
