"""Diabetes progression one year on, from ten baseline measurements."""
