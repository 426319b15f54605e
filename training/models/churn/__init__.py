"""Which customers will leave."""
