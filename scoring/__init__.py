"""An artifact in, answers out: encoding, tokenising, scoring and serving."""
