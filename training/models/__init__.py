"""One folder per model: spec.py, model.py, seed.csv (or seed/<table>.csv), sample.json, README.md."""
