"""Run a training job: read a snapshot, train, evaluate and write the artifact and reports."""
