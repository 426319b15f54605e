"""What the sweep repairs: lost uploads, stuck batches, missing and orphaned endpoints."""
