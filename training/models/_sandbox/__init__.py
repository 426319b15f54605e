"""Sandbox models of ``relearn verify``, which brings their data along."""
