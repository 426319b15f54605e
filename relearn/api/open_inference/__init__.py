"""The Open Inference Protocol (V2), which clients of KServe and Triton speak: a model's columns as tensors.

- `model`: which tensors a model takes and gives; predictions as tensors.
- `request`: a request as instances, with a JSON pointer to every wrong part of it; `inputs` reads its tensors.
- `tensors`: values in JSON and in binary.
"""
