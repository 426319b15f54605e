"""Names of bucket prefixes, keys, ids, resources and environment variables."""
