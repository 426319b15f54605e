"""States of uploads, runs, versions and batches, and the legal transitions between them."""
