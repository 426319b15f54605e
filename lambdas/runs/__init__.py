"""Use cases of runs: opening, closing, retirement and withdrawal."""
