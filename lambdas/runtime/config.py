"""Configuration of a function from its environment variables, read on first use.

Every function gets only the variables that it needs; reading a missing one fails with its name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from relearn.errors import ConfigError
from relearn.naming.environment import Variable


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one function.

    Parameters
    ----------
    values
        The variables of `relearn.naming.environment.Variable` that are set and not empty.
    """

    values: Mapping[str, str]

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Config:
        """Return the settings in ``environ``; None: the environment of the process."""
        source = os.environ if environ is None else environ
        return cls({name.value: source[name] for name in Variable if source.get(name)})

    def need(self, name: Variable) -> str:
        """Return a required setting.

        Raises
        ------
        ConfigError
            It is not set, or empty.
        """
        if name not in self.values:
            raise ConfigError(name.value, None, "an environment variable that is set and not empty")
        return self.values[name]

    @property
    def debounce_seconds(self) -> int | None:
        """Debounce window in seconds, in place of the specs'; None when not set.

        Raises
        ------
        ConfigError
            It is set, and not a whole number of 0 or more.
        """
        return self._seconds(Variable.DEBOUNCE_SECONDS)

    @property
    def rollout_seconds(self) -> int | None:
        """Length of every rollout step in seconds, in place of the specs'; None when not set.

        Raises
        ------
        ConfigError
            It is set, and not a whole number of 0 or more.
        """
        return self._seconds(Variable.ROLLOUT_SECONDS)

    def _seconds(self, name: Variable) -> int | None:
        text = self.values.get(name)
        if text is None:
            return None
        if not text.isdecimal():
            raise ConfigError(name.value, text, "a whole number of seconds, 0 or more")
        return int(text)
