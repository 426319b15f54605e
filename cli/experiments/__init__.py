"""Experiments: hyperparameter plans, their summary, the SageMaker SDK."""
