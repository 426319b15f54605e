"""Ad-hoc training and tuning jobs: plan, SageMaker SDK, summary of the report."""
