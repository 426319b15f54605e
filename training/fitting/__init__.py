"""Fits estimators, evaluates them and exports them as ONNX."""
