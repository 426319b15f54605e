"""Fit estimators, evaluate them and export them as ONNX."""
