"""Doubles, recorded candidates and small tools that tests of several rooms share."""
