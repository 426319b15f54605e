"""The model tickets."""
