"""Foundations of every stack: settings, grants, functions, queues and stores."""
