"""Prediction records, online features and feedback."""
