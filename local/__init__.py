"""The laptop cloud: runs a synthesised CDK app (``cdk.out``) as an AWS account on loopback.

The modules:

- ``__main__``    the ``python -m local`` command
- ``settings``    settings of one laptop cloud
- ``environment`` the process environment that MiniStack and every child process inherit
- ``server``      MiniStack on two loopback ports: the AWS APIs and the deployed HTTP API
- ``cloud``       starts the cloud, deploys the assembly, provides clients and addresses
- ``deploy``      runs the real ``cdk bootstrap`` and ``cdk deploy``
- ``images``      the container registry: an image is a directory of the assembly
- ``processes``   child processes that never outlive the cloud
- ``principals``  callers and what their IAM policies allow; ``sessions``: boto3 clients with their
  credentials
- ``account``     everything that imports MiniStack
- ``hooks``       every change of MiniStack's behaviour, with its reason
- ``sagemaker``   SageMaker, which MiniStack lacks
"""
