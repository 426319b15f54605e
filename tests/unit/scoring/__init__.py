"""An artifact in, answers out."""
