"""Adapters to SageMaker: endpoints, Model Registry, transform jobs, scaling."""
