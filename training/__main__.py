"""The container's command: ``python -m training train|serve|prepare``.

SageMaker runs the image with ``train`` or ``serve``. ``prepare`` checks a data file from the command line, as
ingest does. Each command imports only what it needs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scoring.progress import complain


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of the container.

    Parameters
    ----------
    arguments
        Command line without the program; None: that of the process.

    Returns
    -------
    int
        Exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("train", help="run the training job described under /opt/ml/input")
    commands.add_parser("serve", help="answer /ping and /invocations with the model in /opt/ml/model")
    prepare = commands.add_parser("prepare", help="check a data file and make a shard of it")
    prepare.add_argument("--model", required=True, help="whose data it is")
    prepare.add_argument("--table", help="which of its tables, when it declares tables")
    prepare.add_argument("--input", required=True, type=Path, help="CSV, JSON Lines or Parquet")
    prepare.add_argument("--output", required=True, type=Path, help="folder for the shard and rows.jsonl")
    given = parser.parse_args(arguments)
    if given.command == "train":
        from training.job import train  # noqa: PLC0415 - a server must not load what trains

        return train.main()
    if given.command == "serve":
        from scoring import serve  # noqa: PLC0415

        return serve.main()
    return _prepare(given.model, given.table, given.input, given.output)


def _prepare(model: str, table: str | None, source: Path, output: Path) -> int:
    from preparation import prepare  # noqa: PLC0415
    from relearn.errors import RelearnError  # noqa: PLC0415
    from relearn.spec.tables import MAIN  # noqa: PLC0415
    from training import catalog  # noqa: PLC0415

    try:
        spec = catalog.get(model)
        output.mkdir(parents=True, exist_ok=True)
        result = prepare(spec, source, source.name, output, table=table or MAIN)
    except (RelearnError, OSError) as error:
        complain(str(error))
        return 1
    sys.stdout.write(json.dumps(asdict(result), default=str) + "\n")
    return 0 if result.refusal is None else 1


if __name__ == "__main__":
    sys.exit(main())
