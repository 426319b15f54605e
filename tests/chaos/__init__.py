"""Nothing lost, nothing promoted wrongly: the loop in simulated time, under thousands of faults.

::

    stage      the whole of a stage: moto, the stand-ins, our handlers as they are, one clock
    asl        the states language, as far as our machines use it
    faults     what goes wrong, by name; each counts how often it did
    machine    what a run does, driven by hypothesis
    invariants what must hold of every run
    mutants    errors of our own making, each of which has to be caught
"""
