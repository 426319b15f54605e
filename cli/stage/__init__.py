"""A deployed stage as the commands see it."""
