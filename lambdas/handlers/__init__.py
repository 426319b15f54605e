"""Handlers of the deployment's functions, one file each: parse the event, call a use case, return its result."""
