"""Sandbox model of ``relearn verify`` whose versions have a serverless endpoint."""
