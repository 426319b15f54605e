"""Checks that API Gateway makes before it invokes a function: signature or token, and throttling.

``local.hooks.gateway`` and ``local.hooks.callers`` install them in MiniStack.
"""
