"""Endpoints, the registry, transform jobs and scaling."""
