"""Open Inference Protocol (V2) of KServe and Triton clients: a model's columns as tensors.

- `model`: a model's input and output tensors; predictions as tensors.
- `request`: a request as instances, with a JSON pointer to every wrong part of it; `inputs` parses its tensors.
- `tensors`: values in JSON and in binary.
"""
