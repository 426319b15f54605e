"""Predict which customers will leave."""
