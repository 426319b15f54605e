"""Errors that end a story early.

::

    DemoError
    ├── StoryError        a step failed; the cloud is up
    └── CloudEndedError   the laptop cloud has ended
"""

from __future__ import annotations

import signal


class DemoError(Exception):
    """Base of the demonstration's errors; the message is for people."""


class StoryError(DemoError):
    """A step of the story failed; the message gives the reason."""


class CloudEndedError(DemoError):
    """The laptop cloud's process has ended.

    Parameters
    ----------
    status
        Return code as in `subprocess.Popen.returncode`: the exit code, or minus the signal's number.
    """

    def __init__(self, status: int) -> None:
        how = (
            f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"
        )
        super().__init__(f"the laptop cloud {how}")
        self.exit_code = 128 - status if status < 0 else status
        """Exit code for a program that depends on the cloud; 128 + n after signal n, as in a shell."""
