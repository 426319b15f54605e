"""Checks of ``relearn doctor``: what an account and region need before a stage is deployed there."""
