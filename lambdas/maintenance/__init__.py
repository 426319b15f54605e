"""Repairs by the sweep: lost uploads, stuck batches, missing and orphaned endpoints. Setup and teardown of a stage."""
