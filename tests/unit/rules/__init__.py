"""Rules that several rooms keep together, each checked at every place at once."""
