"""Shared code of the HTTP API's handlers: requests, responses, problems, views."""
