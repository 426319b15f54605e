"""The image, built and run as SageMaker runs it: ``python -m tests.image``; needs Docker or buildah."""
