"""What runs in the container: training, serving, and the preparation of uploads.

Importing this package imports nothing else; each command brings only what it needs.
"""
