"""Use cases of batch predictions."""
