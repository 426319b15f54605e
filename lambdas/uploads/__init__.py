"""Use cases of uploads: ingestion, retries, exclusions and profiles of shards."""
