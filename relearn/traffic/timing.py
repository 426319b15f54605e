"""Time that a version itself took for a request, and whether it had just been started, as its container reports it.

A container returns it in the header ``X-Amzn-SageMaker-Custom-Attributes``, which InvokeEndpoint hands to the caller
("InvokeEndpoint", Amazon SageMaker API Reference: up to 1,024 visible ASCII characters, as ``name=value``). Neither the
network nor the start of a container is in it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

HEADER = "x-amzn-sagemaker-custom-attributes"
"""Name of the header, in lower case."""
_MILLISECONDS, _STARTED = "relearn-ms=", "relearn-started"


class Timing(NamedTuple):
    """Time that a version took.

    Parameters
    ----------
    milliseconds
        Time to read the request, score it and write the answer, 0 or more.
    started
        Whether it is the first request of its process.
    """

    milliseconds: float
    started: bool = False


class ModelReply(NamedTuple):
    """Answer of a version.

    Parameters
    ----------
    body
        The answer, JSON.
    timing
        Time that the version reports; None for a container that reports none.
    """

    body: bytes
    timing: Timing | None = None


def write(timing: Timing) -> str:
    """Return the value of the header."""
    return f"{_MILLISECONDS}{timing.milliseconds:.3f}{f';{_STARTED}' if timing.started else ''}"


def parse(value: str | None) -> Timing | None:
    """Return the timing in the header's value; None where there is none, or not in the form that `write` gives it."""
    if not value or not value.startswith(_MILLISECONDS):
        return None
    took, _, rest = value.removeprefix(_MILLISECONDS).partition(";")
    try:
        milliseconds = float(took)
    except ValueError:
        return None
    return Timing(milliseconds, rest == _STARTED) if 0 <= milliseconds < math.inf else None
