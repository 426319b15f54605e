"""Pages for people: no script, no file or address beside them, standard library only.

The container writes the report of a training job with these, and the function that checks a run's data the report
of the data.
"""
