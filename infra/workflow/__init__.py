"""State machine of a run, and the resources of its steps."""
