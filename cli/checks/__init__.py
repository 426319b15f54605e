"""What an account and region must have before a stage is deployed there; ``relearn doctor`` tells it."""
