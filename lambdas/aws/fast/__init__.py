"""Clients of AWS services without an SDK, for latency-critical functions."""
