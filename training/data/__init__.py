"""Rows of a training job: data set, split, leakage check and drift baseline."""
