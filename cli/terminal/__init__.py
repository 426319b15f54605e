"""Options, output, errors and progress of the command line."""
