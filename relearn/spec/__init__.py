"""The declaration of a model, and the rules it is checked by."""
