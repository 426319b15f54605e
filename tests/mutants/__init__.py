"""Mutants of the domain, one small change each, that the unit tests must notice: ``make mutants``.

`mutmut <https://mutmut.readthedocs.io>`_ makes the mutants and runs, in a fork for each, the tests that pass through the
changed function; its settings are in ``pyproject.toml``. A sample is drawn with a seed, evenly over all mutants.

What is not counted, by rule and not by name:

- a mutant that differs from the original only inside the texts that people read: a string with a space in it, of a
  message, a reason, a title or a description. Such a text may be worded in many ways, and no test should fix one;
- a mutant that mutmut's own type check or the interpreter refuses before a test could run.
"""
