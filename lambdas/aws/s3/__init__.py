"""Adapters to S3: object storage, ranged reads, presigned forms and links."""
