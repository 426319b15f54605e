"""The browser looks at the same stage as the end-to-end tests."""

from __future__ import annotations

from tests.e2e.conftest import stage

__all__ = ["stage"]
