"""Stacks of a stage; they only wire constructs."""
