"""The Lambda functions: one file a function, each parses, makes one call and returns.

``lambdas.aws`` holds the only callers of boto3; what may happen is decided in ``relearn``.
"""
