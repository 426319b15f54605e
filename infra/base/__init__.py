"""What every stack builds on: settings, grants, functions, queues, stores."""
