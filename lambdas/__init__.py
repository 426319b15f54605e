"""The Lambda functions: one handler file each, and the use cases and adapters that they call.

Only ``lambdas.aws`` calls boto3; decisions are made in ``relearn``.
"""
