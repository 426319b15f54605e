"""The story that ``relearn verify`` plays on a stage: steps on sandbox models, what they cost, cleaning, the report."""
