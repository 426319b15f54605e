"""Mutation tests of the domain and the use cases: ``make mutants``.

`mutmut <https://mutmut.readthedocs.io>`_ makes the mutants. One pytest process, which has collected the tests
once, tries each mutant in a fork, on the tests that execute the changed function (`tests.mutants.trying`). A
seeded sample is drawn, the same number from every module as far as it has so many. Results about unchanged
files (their mutants, the functions that their tests execute) are cached in ``build/mutants``.

Not counted are:

- mutants that differ only in a text for people: a string with a space, of a message, a reason, a title or a
  description. Such a text may be worded in many ways, and no test should fix one;
- the few that behave as the original, each with its reason (`tests.mutants.equivalent`).
"""
