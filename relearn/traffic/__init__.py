"""Which versions answer requests: routes, route changes, canaries and shadow requests."""
