"""How the tests run on a mutant: those of the domain alone, each property tried on a few examples, the same every time."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings

settings.register_profile(
    "mutants",
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutants")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the files that test other packages than the mutants' one."""
    is_test = collection_path.name.startswith("test_")
    return True if is_test and not collection_path.name.startswith("test_relearn_") else None
