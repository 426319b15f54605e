"""Hostile and odd inputs, at every door by which values come in: ``make hostile``.

A row goes to ingest (a file of JSON Lines), to the API (a request to predict), to a batch (its file's line) and to the
container (JSON and JSON Lines). All four must decide, without an error of their own; say what was given and what is
allowed when they refuse; and agree, whether a value is taken, and as which. Files are of ingest's kind alone.
"""
