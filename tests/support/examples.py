"""How many examples a test with drawn inputs tries: a fifth of them in every run, all of them each night."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

QUICK, THOROUGH = "quick", "thorough"
"""Names of the profiles of `make test` and of `make test-long`."""
SHARE = 5
"""The quick profile tries one example of so many; each run draws others."""


def load_profiles() -> None:
    """Register both profiles, and load the quick one where nobody chose another, as the mutants' runs do.

    On continuous integration hypothesis has chosen a profile of its own; its choices stay, but for the number of examples.
    """
    chosen = settings.get_current_profile_name()
    parent = settings.get_profile(chosen)
    any_machine: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    settings.register_profile(QUICK, parent, max_examples=100 // SHARE, **any_machine)
    settings.register_profile(THOROUGH, parent, max_examples=100, **any_machine)
    if chosen in {"default", "ci"}:
        settings.load_profile(QUICK)


def examples(thorough: int, *suppressed: HealthCheck) -> settings:
    """Return settings of a test whose examples are costly, or of which it needs many.

    Parameters
    ----------
    thorough
        Number of examples each night; the quick profile tries a fifth of them.
    *suppressed
        Health checks of hypothesis that this test cannot pass, beside those of the profile.
    """
    quick = settings.get_current_profile_name() == QUICK
    return settings(
        max_examples=-(-thorough // SHARE) if quick else thorough,
        suppress_health_check=[*settings().suppress_health_check, *suppressed],
    )
