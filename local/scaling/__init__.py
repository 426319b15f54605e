"""Application Auto Scaling of the laptop cloud, for the instances of SageMaker endpoints only.

Registered targets are recorded, and their bounds are applied to an endpoint's number of instances. Metrics
never change it, because the laptop has one process for all instances of an endpoint.

- ``targets``     scalable targets and scaling policies as records
- ``permissions`` IAM checks of the caller, and the service-linked role
- ``service``     the wire protocol
"""
