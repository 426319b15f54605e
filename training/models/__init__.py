"""One folder per model: spec.py, model.py, seed.csv, sample.json, README.md."""
