"""The example shop: `ordinary` holds what it did before it knew Relearn, and holds without."""
