"""Profiles, drift, checks and snapshots of data, and digests of artifacts."""
