"""Predict the iris species from four flower measurements."""
