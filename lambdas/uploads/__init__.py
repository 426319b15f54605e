"""Use cases of uploads: presigned forms, ingestion, retries, exclusions."""
