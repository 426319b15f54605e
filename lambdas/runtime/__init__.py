"""Shared code of all functions: configuration, logging, the catalog of models."""
