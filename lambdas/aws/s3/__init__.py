"""Objects in S3: storage, ranged reads, presigned links."""
