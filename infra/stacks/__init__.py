"""The stacks of a stage, which only wire."""
