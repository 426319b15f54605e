"""Serve predictions from a model artifact: encode, tokenise and score rows, and answer HTTP requests."""

from __future__ import annotations

import os

# ONNX Runtime for Linux reports sessions to Microsoft by default since 1.29 (Privacy.md in its wheel), unless it finds
# this variable when the first session is created.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
