"""The house itself: documentation, Makefile, what must stand nowhere."""
