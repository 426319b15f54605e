"""The training job: what runs, what it reads and writes, and what it reports."""
