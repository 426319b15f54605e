"""Nothing lost, nothing promoted wrongly: the loop in simulated time, under thousands of faults.

::

    stage      a whole stage: moto, fakes, our real handlers, one clock
    faults     classes of faults, with the number of times that each struck
    machine    the actions of a run, drawn by hypothesis
    invariants what must hold of every run
    mutants    deliberate errors, each of which the invariants must catch
"""
