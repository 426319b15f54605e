"""Every bucket prefix, key, id, resource name and environment name."""
