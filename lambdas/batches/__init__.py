"""Use cases of batch predictions: creation, scoring by a transform job, results."""
