"""The laptop cloud: takes cdk.out, nothing else, and runs it as an AWS account on loopback.

The modules:

- ``__main__``    the ``python -m local`` command
- ``settings``    what a laptop cloud is started with
- ``environment`` the process environment MiniStack and everything below it sees
- ``server``      MiniStack on two loopback ports: the AWS APIs, and the deployed HTTP API
- ``cloud``       starts it all, deploys the assembly, hands out clients and addresses
- ``deploy``      runs the real ``cdk bootstrap`` and ``cdk deploy``
- ``images``      the container registry: an image is a directory of the assembly
- ``processes``   child processes that never outlive the cloud
- ``principals``  who calls, and what their IAM policies allow; ``sessions``: clients with their credentials
- ``account``     everything that needs MiniStack imported
- ``hooks``       every place where MiniStack's own behaviour is changed, and why
- ``sagemaker``   the service MiniStack lacks
"""
