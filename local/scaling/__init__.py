"""Application Auto Scaling for the laptop cloud: the instances of SageMaker's endpoints, and nothing else.

What is registered is recorded, and keeps an endpoint's number of instances between its bounds; no metric moves it
in between, for the laptop has one process for all of an endpoint's instances.

- ``targets``     what is scaled, and by which policies, as records
- ``permissions`` what AWS asks of the caller, and the service-linked role it makes
- ``service``     the service on the wire
"""
