"""Programs of other people that the commands run: Docker and the CDK command."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from relearn.errors import RelearnError

TAIL = 15
"""Lines of a failed program's output that an error quotes."""


class ProgramError(RelearnError):
    """A program is missing or failed; the message ends with the last lines of what it printed."""


def run(command: Sequence[str], *, given: str | None = None) -> str:
    """Run a program and return its standard output.

    Parameters
    ----------
    command
        The program and its arguments; no shell reads them.
    given
        Its standard input, such as a password that no process list may show.

    Raises
    ------
    ProgramError
        When it is missing or fails.
    """
    try:
        done = subprocess.run(  # noqa: S603 - a list of words, and no shell
            list(command), input=given, text=True, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise ProgramError(f"{command[0]} is not installed") from error
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-TAIL:]
        raise ProgramError(
            f"{' '.join(command[:3])} failed with exit code {done.returncode}: {' | '.join(last)}"
        )
    return done.stdout


def show(command: Sequence[str]) -> bool:
    """Run a program whose output is for people, and return whether it succeeded.

    Raises
    ------
    ProgramError
        When it is missing.
    """
    try:
        return not subprocess.run(list(command), check=False).returncode  # noqa: S603 - a list of words, and no shell
    except FileNotFoundError as error:
        raise ProgramError(f"{command[0]} is not installed") from error
