"""What a function is told by its environment, read when it is first asked for.

Every function gets only the variables it needs; asking for one that is missing fails with its name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from relearn.errors import ConfigError
from relearn.naming.environment import Variable


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one function.

    Parameters
    ----------
    values
        Those of `relearn.naming.environment.Variable` that are set and not empty.
    """

    values: Mapping[str, str]

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Config:
        """Read the settings from ``environ``, by default the process's environment."""
        source = os.environ if environ is None else environ
        return cls({name.value: source[name] for name in Variable if source.get(name)})

    def need(self, name: Variable) -> str:
        """Give one setting.

        Raises
        ------
        ConfigError
            It is not set.
        """
        if name not in self.values:
            raise ConfigError(name.value, None, "an environment variable that is set and not empty")
        return self.values[name]

    @property
    def debounce_seconds(self) -> int | None:
        """What overrides the specs' debounce window, in seconds; None when nothing does.

        Raises
        ------
        ConfigError
            It is set, and not a whole number.
        """
        return self._seconds(Variable.DEBOUNCE_SECONDS)

    @property
    def rollout_seconds(self) -> int | None:
        """What overrides the length of every step of a rollout, in seconds; None when nothing does.

        Raises
        ------
        ConfigError
            It is set, and not a whole number.
        """
        return self._seconds(Variable.ROLLOUT_SECONDS)

    def _seconds(self, name: Variable) -> int | None:
        text = self.values.get(name)
        if text is None:
            return None
        if not text.isdecimal():
            raise ConfigError(name.value, text, "a whole number of seconds, 0 or more")
        return int(text)
