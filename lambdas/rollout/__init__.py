"""Use cases of a rollout: approvals, probes and route changes."""
