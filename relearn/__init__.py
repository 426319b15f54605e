"""Domain of Relearn: uploads, runs, versions and routes, and their legal transitions.

It uses the standard library only, so the same code decides in a Lambda function, a training container, the
CDK app and the command line.
"""

VERSION = "0.1.0"
"""Semantic version of this repository: the newest release in ``CHANGELOG.md``."""
