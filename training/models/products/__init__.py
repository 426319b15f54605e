"""What visitors of a shop may like."""
