"""What the house looks like in figures: circles, the path of a prediction, lines, what lacks documentation."""
