"""The way of a change into a stage: the image's build and copies, and the templates that were deployed before."""
