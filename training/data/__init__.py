"""The rows of a training job: reading, splitting, leakage and the baseline of drift."""
