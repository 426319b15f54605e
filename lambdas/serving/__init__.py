"""Use cases of a prediction request, from the route to the prediction record."""
