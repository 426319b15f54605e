"""The HTTP API as values: operations, problems, request schemas and its description."""
