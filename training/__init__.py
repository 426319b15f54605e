"""Code of the training container: training and the commands of the image.

Importing this package imports nothing else; each command imports only what it needs.
"""
