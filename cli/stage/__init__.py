"""Access of the commands to a deployed stage."""
