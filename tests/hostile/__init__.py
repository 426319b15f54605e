"""Hostile and odd inputs at every entry point: ``make hostile``.

A row goes to ingest (a file of JSON Lines), to the API (a prediction request), to a batch (a line of its
file) and to the container (JSON and JSON Lines). Each entry point, called a door here, must accept or refuse
it without an internal error. A refusal must say what was given and what is allowed. All doors must agree on
whether they accept a row, and with which values. Files go to ingest only, and as batches.
"""
