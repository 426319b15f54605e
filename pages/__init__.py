"""Self-contained HTML pages for people: no scripts, no external files or addresses, standard library only.

The training container writes its report with this package, and the function that checks a run's data writes
the data report.
"""
