"""Use cases of a rollout: approval, canary and shadow steps, promotion, route changes by hand."""
