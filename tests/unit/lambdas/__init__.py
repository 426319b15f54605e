"""Handlers and use cases on fakes."""
