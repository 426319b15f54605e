"""Iris species from four flower measurements."""
