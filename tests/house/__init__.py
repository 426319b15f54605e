"""Figures about the source tree: import cycles, the path of a prediction, lines, missing documentation."""
