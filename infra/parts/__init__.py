"""Parts of a stage, each with its functions and grants."""
