"""What API Gateway asks before a function hears of a request: a signature or a token, and whether it is too soon.

``local.hooks.gateway`` puts it in MiniStack's way.
"""
