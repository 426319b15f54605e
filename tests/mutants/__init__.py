"""Mutants of the domain and of the use cases, one small change each, that the tests must notice: ``make mutants``.

`mutmut <https://mutmut.readthedocs.io>`_ makes the mutants; one pytest that has collected the tests once tries them, in a fork
for each, on the tests that pass through the changed function (`tests.mutants.trying`). A sample is drawn with a seed, of every
module as many as of any other while it has so many. What was found out about files that did not change since (their mutants,
what their tests pass through) is kept in ``build/mutants``.

What is not counted:

- a mutant that differs from the original only inside the texts that people read: a string with a space in it, of a
  message, a reason, a title or a description. Such a text may be worded in many ways, and no test should fix one;
- the few that do what the original does, each with its reason (`tests.mutants.equivalent`).
"""
