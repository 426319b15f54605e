"""How a story ends too early.

::

    DemoError
    ├── StoryError        a step failed; the cloud is up
    └── CloudEndedError   the laptop cloud is gone
"""

from __future__ import annotations

import signal


class DemoError(Exception):
    """Base of the demo's errors; the message is for a person."""


class StoryError(DemoError):
    """A step of the story failed; the message says why."""


class CloudEndedError(DemoError):
    """The laptop cloud's process ended.

    Parameters
    ----------
    status
        As `subprocess.Popen.returncode` has it: the exit code, or minus the number of the signal that ended it.
    """

    def __init__(self, status: int) -> None:
        how = (
            f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"
        )
        super().__init__(f"the laptop cloud {how}")
        self.exit_code = 128 - status if status < 0 else status
        """What a program that depends on the cloud exits with; 128 + n after signal n, as a shell has it."""
