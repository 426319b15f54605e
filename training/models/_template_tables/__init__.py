"""The model template-model."""
