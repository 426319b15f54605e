"""Output of the demonstration: coloured on a terminal, plain in a log, in the style of the laptop cloud."""

from __future__ import annotations

import os
import sys
import time

from relearn import visible

_BOLD, _DIM, _GREEN, _RED, _RESET = "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m"


class Console:
    """Prints lines to standard output, each prefixed with the seconds since the console was constructed."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ

    def step(self, text: str) -> None:
        """Print the start of a step."""
        self._print(_BOLD, text)

    def detail(self, text: str) -> None:
        """Print an indented line of a step's output."""
        self._print(_DIM, f"  {text}")

    def done(self, text: str) -> None:
        """Print a success."""
        self._print(_GREEN, text)

    def failed(self, text: str) -> None:
        """Print a failure."""
        self._print(_RED, text)

    def _print(self, style: str, text: str) -> None:
        seconds, text = f"{time.monotonic() - self._began:7.1f}s ", visible.lines(text)
        line = seconds + text if self._plain else f"{_DIM}{seconds}{_RESET}{style}{text}{_RESET}"
        try:
            print(line, flush=True)
        except BrokenPipeError:
            # The reader is gone, as with `| head`. The cloud must still be stopped without an error.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
