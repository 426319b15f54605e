"""Recommend products to visitors of a shop."""
