"""Predict which queue of a help desk a ticket belongs to."""
