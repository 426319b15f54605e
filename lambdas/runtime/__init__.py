"""What every function has: configuration, logging, the catalog of models."""
