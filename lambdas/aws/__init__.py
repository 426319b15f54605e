"""Adapters to AWS, the only callers of boto3. An adapter reads or acts; decisions are made in ``relearn``."""
