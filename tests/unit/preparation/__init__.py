"""Raw upload in, accepted rows out."""
