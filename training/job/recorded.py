"""Record requests with the candidate's answers, which a deployed version has to reproduce in its smoke test.

A well-formed answer says little about an endpoint; the recorded answer proves that it serves the evaluated
model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from relearn.errors import ArtifactError
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
    app, rows, size = App(made, None), 0, 0
    with (folder / FILE).open("wb") as file:
        for number, instance in enumerate(instances, 1):
            status, body = app.invocation(json.dumps({"instances": [instance]}).encode())
            if status >= _INTERNAL_SERVER_ERROR:
                raise ArtifactError(  # without the values: a reason is read by more people than a snapshot is
                    f"the model fails at held-out row {number} of the {len(instances)} that it is asked, which has "
                    f"{', '.join(instance)}; the job's log has the traceback"
                )
            if status != _OK:
                continue
            (prediction,) = json.loads(body)["predictions"]
            pair = {"instance": instance, "prediction": prediction}
            line = json.dumps(pair, ensure_ascii=False).encode() + b"\n"
            rows, size = rows + 1, size + len(line)
            if rows > ROWS or size > LARGEST:
                return
            file.write(line)
