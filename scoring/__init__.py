"""Serve predictions from a model artifact: encode, tokenise and score rows, and answer HTTP requests."""
