"""Sandbox model of ``relearn verify`` whose versions run in Lambda."""
