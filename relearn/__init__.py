"""The domain of Relearn: what an upload, a run, a version and a route are, and what may become of them.

Pure Python, standard library only: the same code decides inside a Lambda, a training
container, the CDK app and the command line.
"""

VERSION = "0.1.0"
"""Version of this repository by Semantic Versioning; the newest release in ``CHANGELOG.md``."""
