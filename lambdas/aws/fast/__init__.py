"""A small client of AWS's HTTP for the path of a prediction request."""
