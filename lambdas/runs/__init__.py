"""Use cases of runs, from opening through training, judgement and deployment to closing."""
