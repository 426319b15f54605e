"""Traces one prediction request through the real function, with stubs in place of the network.

Prints one JSON object: ``modules`` of ours that the request passes, ``calls`` of their functions, ``depth``
of frames.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from bench import predict_worker

ROOT = Path(__file__).parents[2]
OURS = tuple(f"{ROOT / room}{os.sep}" for room in ("relearn", "lambdas", "scoring"))


class Way:
    """Counter of our frames, for `sys.setprofile`."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.calls = self.depth = self._now = 0

    def see(self, frame: FrameType, event: str, _argument: Any) -> None:
        """Process one event of the profiler."""
        file = frame.f_code.co_filename
        if not file.startswith(OURS):
            return
        if event == "call":
            self.modules.add(file)
            self.calls += 1
            self._now += 1
            self.depth = max(self.depth, self._now)
        elif event == "return":
            self._now -= 1


def main() -> None:
    """Send two requests and count the second, because the first fills the caches."""
    os.environ.update(predict_worker.ENVIRONMENT)
    printed = sys.stdout
    with Path(os.devnull).open("w") as nowhere:
        sys.stdout = nowhere  # discards log lines and metrics
        predict_worker.write_catalog()
        handler, way = predict_worker.ours(predict_worker.answer), Way()
        asked, context = predict_worker.event(1), predict_worker.Context()
        handler(asked, context)
        sys.setprofile(way.see)
        reply = handler(asked, context)
        sys.setprofile(None)
        sys.stdout = printed
    if reply["statusCode"] != 200:
        raise SystemExit(str(reply))
    print(json.dumps({"modules": len(way.modules), "calls": way.calls, "depth": way.depth}))


if __name__ == "__main__":
    main()
