"""Train and evaluate recommenders: implicit feedback, factorised by a library, served as one ONNX graph."""
