"""The only callers of boto3. An adapter reads or acts; what may happen is decided in ``relearn``."""
