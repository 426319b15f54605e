"""Questions with the answers that the judged model gave: a version that is deployed has to give them again.

That an endpoint answers well-formed says little; that it answers what was measured says that it is what was measured.
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
"""At most."""
LARGEST = 200_000
"""Bytes of the file, at most."""
FILE = "answers.jsonl"
_OK, _INTERNAL_SERVER_ERROR = 200, 500


def write(folder: Path, made: Artifact, instances: Sequence[Mapping[str, Any]]) -> None:
    """Ask what will serve, as it will be asked, and write down a question and its answer a line.

    Parameters
    ----------
    folder
        Where SageMaker looks for a job's output data.
    made
        The artifact.
    instances
        What to ask; those that the spec does not let through are left out.

    Raises
    ------
    ArtifactError
        The model fails at one of them: says which, and what columns it has.
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
