"""HTTP API as plain values: operations, problems, request schemas and the OpenAPI document."""
