"""What the shop does by itself."""
