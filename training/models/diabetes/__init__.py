"""Predict diabetes progression after one year, from ten baseline measurements."""
